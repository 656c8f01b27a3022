/** Lets paragraphs flow that an editor had wrapped by hand, for display only. */

/** A line at least this long was wrapped, a shorter one was ended by its author. */
const WRAPPED_LINE_LENGTH = 60
const BLOCK_START = /^\s*([-*+>|#]|\d{1,3}[.)]\s)/
const FENCE = /^\s*(```|~~~)/

/**
 * Makes the break after a long line a space, unless a list item, table, heading, quote or code block stands on either
 * side. Characters are exchanged one for one, so every offset into the text stays what it was.
 */
export function reflow(text: string): string {
  const lines = text.split('\n')
  let isCode = false
  let flowing = lines[0] ?? ''
  if (FENCE.test(flowing)) isCode = true
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1]
    if (before === undefined) continue
    const isFence = FENCE.test(line)
    const isBlock = isCode || isFence || line === '' || BLOCK_START.test(line) || /^\s*[|#]/.test(before)
    flowing += `${!isBlock && before.length >= WRAPPED_LINE_LENGTH ? ' ' : '\n'}${line}`
    if (isFence) isCode = !isCode
  }
  return flowing
}
