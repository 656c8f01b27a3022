/** A count of tokens for texts that no model of ours reads. Chunking needs a size; it need not be any model's. */

/** Scripts written without spaces, where a character is about a token. */
const DENSE =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}'
const PIECES = new RegExp(`[${DENSE}]|[[\\p{L}\\p{N}\\p{M}_]--[${DENSE}]]+|[^\\p{L}\\p{N}\\p{M}\\s]`, 'gv')
/** Subword models split words of other lengths than everyday ones about every this many characters. */
const WORD_PIECE_CHARACTERS = 8

/**
 * Estimates tokens: one for each character of scripts without spaces, one for each begun 8 characters of a word, one for each
 * sign. Within a quarter of WordPiece's count on English prose.
 */
export function estimateTokens(text: string): number {
  let tokens = 0
  for (const [piece] of text.matchAll(PIECES)) tokens += Math.ceil(piece.length / WORD_PIECE_CHARACTERS)
  return tokens
}

/** The longest beginning of a text that is estimated at no more than `tokens`; whole characters only. */
export function cutToTokens(text: string, tokens: number): string {
  let left = tokens
  for (const match of text.matchAll(PIECES)) {
    const needed = Math.ceil(match[0].length / WORD_PIECE_CHARACTERS)
    if (needed > left) {
      const cut = text.slice(0, match.index + left * WORD_PIECE_CHARACTERS)
      return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
    }
    left -= needed
  }
  return text
}
