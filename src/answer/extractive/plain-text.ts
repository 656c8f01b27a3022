/** What an answer reads like without Markdown's marks. The quote beside it keeps them, so nothing can be lost here. */
import type { Candidate } from './candidates.ts'

/** A code span is matched first: nothing inside it is a mark. */
const MARKS = /(`+)([^`]+)\1(?!`)|`+|(?<![\p{L}\p{N}*])\*\*(?=\S)|(?<=\S)\*\*(?![\p{L}\p{N}*])/gu
const LINE_MARK = /^[ \t]*(?:>[ \t]?)*(?:(?:[-*+•]|#{1,6})[ \t]+)?/gm

/** Removes the marks of bold and code, and of lists, quotes and headings where lines begin. */
export function withoutMarks(text: string): string {
  return text
    .replace(LINE_MARK, '')
    .replace(MARKS, (_, _ticks: string | undefined, code: string | undefined) => code ?? '')
}

/** A candidate's text for reading: a row as "first: second; third", a list by line, all else on one line. */
export function plainText(text: string, kind: Candidate['kind']): string {
  if (kind === 'list') return withoutMarks(text)
  if (kind !== 'row') return withoutMarks(text).replaceAll(/\s+/g, ' ').trim()
  const cells = text
    .split(/(?<!\\)\||\t/)
    .map((cell) => withoutMarks(cell.replaceAll(String.raw`\|`, '|')).trim())
    .filter((cell) => cell !== '')
  const [first = '', ...rest] = cells
  return rest.length === 0 ? first : `${first}: ${rest.join('; ')}`
}
