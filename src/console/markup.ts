/**
 * Finds the Markdown marks of a passage, so that the page can show what they mean instead of what they look like. For
 * display only: it knows headings, code, bold and links, guesses nothing else, and leaves every offset where it was.
 */

export interface Decoration {
  /** UTF-16 offsets into the text, half-open. */
  readonly start: number
  readonly end: number
  /** `hidden`: the marks themselves. */
  readonly kind: 'hidden' | 'strong' | 'code' | 'heading'
}

/** UTF-16 units of a line whose marks are looked for. Longer ones stay as they are: time must not grow with their square. */
const MAX_MARKED_LINE = 2_000

const FENCE = /^\s*(```|~~~)/
const HEADING = /^(\s*#{1,6}\s+)(.*?)(\s+#+\s*)?$/
const LEADING_HEADING = /^\s*#{1,6}[ \t]+([^\n]*?)(?:[ \t]+#+)?[ \t]*(?:\n\s*|$)/
const TABLE_RULE = /^\s*\|?(\s*:?-{2,}:?\s*\|)+\s*(:?-{2,}:?)?\s*$/
/** Code first: nothing inside it is a mark. Bold marks count singly too, since a passage may begin or end within bold. */
const INLINE = /(`+)(.+?)\1(?!`)|\[([^\]]+)\]\([^)\s]*\)|(\*\*)(?=\S)(.+?)(?<=\S)\*\*|(\*\*)(?=\S)|(?<=\S)(\*\*)/g

/** Decorations in the text's order; strong ones may lie around hidden ones, never the other way. */
export function decorations(text: string): Decoration[] {
  const found: Decoration[] = []
  let isCode = false
  let lineStart = 0
  for (const line of text.split('\n')) {
    const lineEnd = lineStart + line.length
    const mayBeMarked = line.length <= MAX_MARKED_LINE
    if (FENCE.test(line)) {
      isCode = !isCode
      found.push({ start: lineStart, end: Math.min(lineEnd + 1, text.length), kind: 'hidden' })
    } else if (isCode) {
      found.push({ start: lineStart, end: lineEnd, kind: 'code' })
    } else if (mayBeMarked && TABLE_RULE.test(line) && line.includes('-')) {
      found.push({ start: lineStart, end: Math.min(lineEnd + 1, text.length), kind: 'hidden' })
    } else if (mayBeMarked) {
      const [, marks = '', title = ''] = HEADING.exec(line) ?? []
      if (marks !== '') {
        found.push({ start: lineStart, end: lineStart + marks.length, kind: 'hidden' })
        found.push({ start: lineStart + marks.length, end: lineStart + marks.length + title.length, kind: 'heading' })
      }
      found.push(...inline(line.slice(marks.length), lineStart + marks.length))
    }
    lineStart = lineEnd + 1
  }
  return found
}

/** Hides the heading that a passage begins with where it is `shown` above the passage already. Empty if nothing is left then. */
export function repeatedHeading(text: string, shown: string | undefined): Decoration[] {
  const [whole = '', title = ''] = LEADING_HEADING.exec(text.slice(0, MAX_MARKED_LINE)) ?? []
  const bare = (heading: string): string => heading.replaceAll(/[*`_]/g, '').trim()
  if (whole === '' || whole.length === text.length || shown === undefined || bare(title) !== bare(shown)) return []
  return [{ start: 0, end: whole.length, kind: 'hidden' }]
}

function inline(line: string, offset: number): Decoration[] {
  return [...line.matchAll(INLINE)].flatMap((match): Decoration[] => {
    const [whole, ticks, , label, , bold] = match
    const start = offset + match.index
    const end = start + whole.length
    const between = (open: number, close: number, kind?: 'strong' | 'code'): Decoration[] => [
      { start, end: start + open, kind: 'hidden' },
      ...(kind === undefined ? [] : [{ start: start + open, end: end - close, kind }]),
      { start: end - close, end, kind: 'hidden' },
    ]
    if (ticks !== undefined) return between(ticks.length, ticks.length, 'code')
    if (label !== undefined) return between(1, whole.length - 1 - label.length)
    if (bold !== undefined) return [...between(2, 2, 'strong'), ...inline(bold, start + 2)]
    return [{ start, end, kind: 'hidden' }]
  })
}
