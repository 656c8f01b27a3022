/**
 * A model that needs no weights: words that mean the same count as one, the rest is hashed character trigrams. Deterministic,
 * and good enough for the embedder contract.
 */

const MEANINGS: Readonly<Record<string, string>> = {
  boat: 'vessel',
  ship: 'vessel',
  ferry: 'vessel',
  sank: 'sink',
  went: 'sink',
  down: 'sink',
  storm: 'storm',
  weather: 'storm',
  bad: 'storm',
  invoice: 'bill',
  tax: 'bill',
}
const EMPTY_WORDS = new Set(['the', 'a', 'an', 'in', 'is', 'of', 'at'])

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}

export function playedVector(text: string, dimensions: number): number[] {
  const vector = Array.from<number>({ length: dimensions }).fill(0)
  const add = (feature: string, weight: number): void => {
    const bits = hash(feature)
    const at = (bits >>> 1) % dimensions
    vector[at] = (vector[at] ?? 0) + (bits & 1 ? weight : -weight)
  }
  // Keeps every vector from being zero, the empty text's too.
  add('bias', 0.05)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? []) {
    if (EMPTY_WORDS.has(word)) continue
    add(`word ${MEANINGS[word] ?? word}`, 1)
    for (let i = 0; i + 3 <= word.length; i++) add(`trigram ${word.slice(i, i + 3)}`, 0.15)
  }
  return vector
}

/** Higher for documents that share words with the query; a logit. */
export function playedScore(query: string, document: string): number {
  const [a, b] = [playedVector(query, 256), playedVector(document, 256)]
  const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)
  return 8 * (dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))) - 4
}

/** The tokens that the played provider counts: one for each begun 4 characters of a word, one for each sign. */
export function playedTokens(text: string): number {
  const words = text.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu) ?? []
  return words.reduce((sum, word) => sum + Math.ceil(word.length / 4), 2)
}
