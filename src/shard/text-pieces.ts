/** Long strings as rows: cut into pieces that never split a code point, each knowing where it starts. */

export interface TextPiece {
  /** UTF-16 offset of the piece in the whole string. */
  readonly start: number
  readonly text: string
}

/**
 * Cuts a well-formed string into pieces of at most `maxUnits` UTF-16 units (≥ 2), each well-formed itself. A unit takes at
 * most 3 bytes of UTF-8, so a piece takes at most `3 · maxUnits` bytes. The empty string gives one empty piece.
 */
export function cutText(text: string, maxUnits: number): TextPiece[] {
  const pieces: TextPiece[] = []
  let start = 0
  do {
    let end = Math.min(start + maxUnits, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--
    pieces.push({ start, text: text.slice(start, end) })
    start = end
  } while (start < text.length)
  return pieces
}

/** Slices the whole string from `start` to `end` out of the pieces that overlap that range, given in order. */
export function sliceOfPieces(pieces: readonly TextPiece[], start: number, end: number): string {
  let text = ''
  for (const piece of pieces) {
    const from = Math.max(start - piece.start, 0)
    const to = Math.min(end - piece.start, piece.text.length)
    if (from < to) text += piece.text.slice(from, to)
  }
  return text
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00
