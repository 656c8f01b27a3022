/** What a PDF says about itself: its title, where it is one, and who made it when. */
import type { JsonObject } from '../../core/canonical-json.ts'

/** Titles that programs give: names of files, and what a new document is called. */
const NO_TITLE =
  /^(?:microsoft (?:word|excel|powerpoint|publisher) - .*|untitled.*|unbenannt.*|document ?\d*|dokument ?\d*|presentation ?\d*|powerpoint[ -]pr[eä]sentation|slide 1|無題.*|.*\.(?:docx?|xlsx?|pptx?|odt|ods|odp|rtf|indd|qxd|tex|dvi|ps|pdf|pages|html?|txt|tiff?|jpe?g|png))$/i

/** In UTF-16 units, of each field. */
const MAX_FIELD_LENGTH = 500

function field(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const text = value
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .toWellFormed()
    .trim()
  return text === '' || text.length > MAX_FIELD_LENGTH ? undefined : text
}

/** `D:20240131120000+09'00'` as ISO 8601; parts after the year may be missing. */
export function isoDate(value: unknown): string | undefined {
  const match =
    typeof value === 'string'
      ? /^(?:D:)?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:Z|([+-])(\d{2})'?(\d{2})?)?/.exec(value.trim())
      : null
  if (match === null) return undefined
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', sign, hours, minutes = '00'] =
    match
  const zone = sign === undefined ? 'Z' : `${sign}${hours}:${minutes}`
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`)
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}

export interface Information {
  readonly title?: string
  readonly language?: string
  readonly metadata: JsonObject
}

/** The information dictionary as pdf.js gives it; nothing in it is certain. */
export interface PdfInfo {
  readonly Title?: unknown
  readonly Author?: unknown
  readonly Subject?: unknown
  readonly Language?: unknown
  readonly CreationDate?: unknown
  readonly ModDate?: unknown
}

export function informationOf(info: PdfInfo): Information {
  const title = field(info.Title)
  const language = field(info.Language)
  const known: Record<string, string | undefined> = {
    author: field(info.Author),
    subject: field(info.Subject),
    created: isoDate(info.CreationDate),
    modified: isoDate(info.ModDate),
  }
  return {
    ...(title === undefined || NO_TITLE.test(title) ? {} : { title }),
    ...(language !== undefined && /^[a-z]{2,3}(?:-[a-z0-9]{2,8})*$/i.test(language) ? { language } : {}),
    metadata: Object.fromEntries(
      Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  }
}
