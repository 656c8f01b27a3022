/**
 * Makes the packed file: all of a model in one buffer that is used as it lies. Layout: docs/model-format.md, read by
 * `packed-vectors.ts`.
 */
import { compareUtf8, utf8 } from '../core/bytes.ts'
import { invalidField } from '../core/problem.ts'
import { fitGrams } from './character-grams.ts'
import { type CollectedWords, quantise } from './collected-words.ts'
import { layoutOf, MAGIC, VERSION } from './packed-layout.ts'
import type { GiveTurn } from './word-vectors.ts'

/**
 * `a` of smooth inverse frequency: a word of this share of all text weighs half (Arora et al. 2017, who try 1e-4 to 1e-3). Of
 * 1e-3, 3e-3 and 1e-2 the one that ranks best over Cranfield and DBpedia.
 */
const FREQUENT = 3e-3
/** Values of all n-gram buckets together: 3 MB packed, 12 MB while they are fitted. */
const MAX_GRAM_VALUES = 3_000_000
const MAX_BUCKETS = 16_384
/** Buckets of a small vocabulary: what its n-grams leave free says nothing of foreign words. */
const BUCKETS_PER_WORD = 8
const MIN_BUCKETS = 1_024

/** Weighs each word of probability `p` by `a / (a + p)`. */
const weightOf = (probability: number): number => FREQUENT / (FREQUENT + probability)

/** @throws invalid_request where nothing was collected */
export async function packWords(words: CollectedWords, giveTurn: GiveTurn): Promise<ArrayBuffer> {
  const { count, dimensions } = words
  if (count === 0) throw invalidField('', 'no row holds a word that a text could ask for')
  const bucketCount = Math.min(
    MAX_BUCKETS,
    Math.floor(MAX_GRAM_VALUES / dimensions),
    Math.max(MIN_BUCKETS, BUCKETS_PER_WORD * count),
  )
  const grams = await fitGrams(words, bucketCount, giveTurn)
  const order = Array.from({ length: count }, (_, i) => i).toSorted((a, b) => compareUtf8(words.word(a), words.word(b)))
  const spellings = order.map((index) => utf8(words.word(index)))
  const spellingBytes = spellings.reduce((sum, { length }) => sum + length, 0)
  const layout = layoutOf({ dimensions, count, bucketCount, spellingBytes })
  const buffer = new ArrayBuffer(layout.bytes)
  new Uint32Array(buffer, 0, 6).set([MAGIC, VERSION, dimensions, count, bucketCount, spellingBytes])
  const probabilities = words.probabilities()
  const offsets = new Uint32Array(buffer, layout.offsets, count + 1)
  const spelt = new Uint8Array(buffer, layout.spellings, spellingBytes)
  const scales = new Float32Array(buffer, layout.scales, count)
  const weights = new Float32Array(buffer, layout.weights, count)
  const rows = new Int8Array(buffer, layout.rows, count * dimensions)
  for (const [position, index] of order.entries()) {
    const spelling = spellings[position]!
    spelt.set(spelling, offsets[position])
    offsets[position + 1] = offsets[position]! + spelling.length
    scales[position] = words.scale(index)
    weights[position] = weightOf(probabilities[index]!)
    rows.set(words.row(index), position * dimensions)
  }
  packGrams(buffer, layout, grams, dimensions)
  new Float32Array(buffer, layout.common, dimensions).set(commonDirection(words, probabilities))
  return buffer
}

function packGrams(buffer: ArrayBuffer, layout: ReturnType<typeof layoutOf>, grams: Float32Array, dimensions: number) {
  const bucketCount = grams.length / dimensions
  const scales = new Float32Array(buffer, layout.gramScales, bucketCount)
  const rows = new Int8Array(buffer, layout.gramRows, grams.length)
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    const vector = grams.subarray(bucket * dimensions, (bucket + 1) * dimensions)
    let largest = 0
    for (const value of vector) largest = Math.max(largest, Math.abs(value))
    const scale = Math.fround(largest / 127)
    if (scale === 0) continue
    scales[bucket] = scale
    quantise(vector, scale, rows.subarray(bucket * dimensions, (bucket + 1) * dimensions))
  }
}

/**
 * What all texts have in common: the weighted mean of the vocabulary, as a unit vector. Taken out of every text's vector it
 * leaves what the text says (Arora et al. 2017; Mu & Viswanath 2018).
 */
function commonDirection(words: CollectedWords, probabilities: Float64Array): Float64Array {
  const mean = new Float64Array(words.dimensions)
  const vector = new Float32Array(words.dimensions)
  for (const [index, probability] of probabilities.entries()) {
    words.read(index, vector)
    const weight = probability * weightOf(probability)
    for (let i = 0; i < mean.length; i++) mean[i]! += weight * vector[i]!
  }
  const length = Math.hypot(...mean)
  // Vectors that cancel out have nothing in common; any axis does then.
  if (length === 0) mean[0] = 1
  return mean.map((value) => value / (length || 1))
}
