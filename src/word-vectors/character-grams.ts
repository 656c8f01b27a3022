/**
 * Vectors for words that a vocabulary lacks, from their character n-grams (Bojanowski et al. 2017, "Enriching Word Vectors
 * with Subword Information"). fastText trains them with its words; here they are fitted afterwards to words of any source:
 * the mean of a word's n-grams shall be its vector. N-grams share buckets by hash.
 */

/** N-grams of a word with a sign before and after it, in code points. */
const SHORTEST = 3
const LONGEST = 5
/** N-grams of longer words say no more. */
const MAX_CODE_POINTS = 40

/** The buckets of a word's n-grams, repetitions included; none for a single character. */
export function gramBuckets(word: string, bucketCount: number): number[] {
  if (bucketCount === 0) return []
  const units = [0x3c]
  for (const character of word) {
    if (units.length > MAX_CODE_POINTS) break
    units.push(character.codePointAt(0)!)
  }
  if (units.length < SHORTEST) return []
  units.push(0x3e)
  const buckets: number[] = []
  for (let start = 0; start + SHORTEST <= units.length; start++) {
    // FNV-1a over code points, going on from the shorter n-gram.
    let hash = 0x811c9dc5
    for (let length = 1; length <= LONGEST && start + length <= units.length; length++) {
      hash = Math.imul(hash ^ units[start + length - 1]!, 0x01000193)
      if (length >= SHORTEST) buckets.push(mixed(hash) % bucketCount)
    }
  }
  return buckets
}

/** FNV's low bits alone spread badly. */
function mixed(hash: number): number {
  let value = hash ^ (hash >>> 16)
  value = Math.imul(value, 0x85ebca6b)
  value ^= value >>> 13
  return value >>> 0
}

export interface FittedWords {
  readonly dimensions: number
  readonly count: number
  word(index: number): string
  /** Writes the word's vector. */
  read(index: number, target: Float32Array): void
}

const EPOCHS = 4
/** How much of a word's fault is mended at once, falling to nothing. */
const RATE = 0.5
/** Words between two turns for other work. */
const SLICE = 256

/**
 * Fits bucket vectors by Kaczmarz's method with falling steps: each word in turn moves its n-grams so that their mean comes
 * nearer to its vector. Deterministic. Returns buckets × dimensions.
 */
export async function fitGrams(
  words: FittedWords,
  bucketCount: number,
  giveTurn: () => Promise<void>,
): Promise<Float32Array> {
  const { dimensions, count } = words
  const vectors = new Float32Array(bucketCount * dimensions)
  const wanted = new Float32Array(dimensions)
  const error = new Float32Array(dimensions)
  const steps = EPOCHS * count
  // A stride without a common divisor visits every word once an epoch, rare and frequent ones mixed.
  const stride = strideOf(count)
  for (let step = 0, index = 0; step < steps; step++, index = (index + stride) % count) {
    if (step % SLICE === 0) await giveTurn()
    const buckets = gramBuckets(words.word(index), bucketCount)
    if (buckets.length === 0) continue
    words.read(index, wanted)
    const share = 1 / buckets.length
    error.set(wanted)
    for (const bucket of buckets) {
      const at = bucket * dimensions
      for (let i = 0; i < dimensions; i++) error[i]! -= share * vectors[at + i]!
    }
    const rate = RATE * (1 - step / steps)
    for (const bucket of buckets) {
      const at = bucket * dimensions
      for (let i = 0; i < dimensions; i++) vectors[at + i]! += rate * error[i]!
    }
  }
  return vectors
}

function strideOf(count: number): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
  let stride = Math.max(1, Math.floor(count * 0.618))
  while (gcd(stride, count) !== 1) stride++
  return stride
}
