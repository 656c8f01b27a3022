/** How a number of a sheet is meant: as a date, a time, a share or just a number (ECMA-376 part 1, 18.8.30 and 18.17.4). */

export type CellFormat = 'number' | 'date' | 'time' | 'datetime' | 'duration' | 'percent'

/** Built-in formats by id; 27–36 and 50–58 are the dates of East Asian editions. */
export function builtInFormat(id: number): CellFormat {
  if (id === 9 || id === 10) return 'percent'
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id === 36 || (id >= 50 && id <= 54) || id >= 57) {
    return id <= 58 ? 'date' : 'number'
  }
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id === 55 || id === 56 || id === 45 || id === 47)
    return 'time'
  if (id === 22) return 'datetime'
  return id === 46 ? 'duration' : 'number'
}

/** Of a format's own code such as `[$-409]d. mmmm yyyy`. */
export function customFormat(code: string): CellFormat {
  // The first section is for positive numbers. What stands in quotes or behind a backslash is shown as it is.
  const [section = ''] = code.split(';')
  const bare = section.replace(/"[^"]*"?|\\.|_.|\*./g, '')
  if (/\[(?:h+|m+|s+)\]/i.test(bare)) return 'duration'
  const letters = bare.replace(/\[[^\]]*\]?/g, '').replace(/general|am\/pm|a\/p/gi, '')
  const hasDate = /[dyegb年月日]/i.test(letters) || (/m/i.test(letters) && !/[hs]/i.test(letters))
  const hasTime = /[hs]/i.test(letters)
  if (hasDate) return hasTime ? 'datetime' : 'date'
  if (hasTime) return 'time'
  return letters.includes('%') ? 'percent' : 'number'
}

const DAY_MS = 86_400_000
/** Days between the sheet's day 0 and 1970-01-01; the calendar of 1900 counts a 29 February that never was. */
const DAYS_1900 = 25_569
const DAYS_1904 = 24_107
const MAX_DAYS = 2_958_466

/** A number as a person reads it; dates as ISO 8601. What the file holds is answered as it is when it is no number. */
export function formatNumber(raw: string, format: CellFormat, is1904: boolean): string {
  const value = Number(raw)
  if (raw.trim() === '' || !Number.isFinite(value)) return raw
  if (format === 'percent') return `${plain(value * 100)}%`
  if (format === 'number' || value < 0 || value >= MAX_DAYS) return plain(value)
  if (format === 'duration') return clock(Math.round(value * 86_400))
  if (format === 'time' && value < 1) return clock(Math.round(value * 86_400))
  const days = is1904 ? value - DAYS_1904 : value - DAYS_1900 + (value < 60 ? 1 : 0)
  const iso = new Date(Math.round(days * 86_400) * 1_000).toISOString()
  const isMidnight = Math.round(days * 86_400) % (DAY_MS / 1_000) === 0
  return format === 'date' || isMidnight ? iso.slice(0, 10) : iso.slice(0, 19)
}

/** Without the last digits, which binary fractions get wrong. */
function plain(value: number): string {
  return String(Number(value.toPrecision(15)))
}

function clock(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}
