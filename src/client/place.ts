/** Where a passage stands in the file it comes from, as people say it: `page 3`, `sheet Fleet, row 12`, `1:05–1:12`. */
import type { FilePlace } from './client.ts'

/** Empty for passages that stand nowhere in particular. */
export function placeInWords({ page, sheet, row, startTime, endTime }: FilePlace): string {
  return [
    ...(page === undefined ? [] : [`page ${page}`]),
    ...(sheet === undefined ? [] : [`sheet ${sheet}`]),
    ...(row === undefined ? [] : [`row ${row}`]),
    ...(startTime === undefined ? [] : [stretch(startTime, endTime)]),
  ].join(', ')
}

/** The headings above a passage, without those that are said beside it: the title, and the sheet's name. */
export function headingsBelow(
  title: string | undefined,
  { headings = [], sheet }: { readonly headings?: readonly string[]; readonly sheet?: string },
): string[] {
  return headings.filter((heading) => heading !== title && heading !== sheet)
}

function stretch(startTime: number, endTime: number | undefined): string {
  const start = clock(startTime)
  const end = endTime === undefined ? start : clock(endTime)
  return start === end ? start : `${start}–${end}`
}

/** `1:05`, or `2:00:07` from an hour on. Whole seconds that have begun, as players show them. */
function clock(seconds: number): string {
  const whole = Math.floor(seconds)
  const two = (number: number): string => String(number).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60]
  return hours === 0 ? `${minutes}:${two(whole % 60)}` : `${hours}:${two(minutes)}:${two(whole % 60)}`
}
