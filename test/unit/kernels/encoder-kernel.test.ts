/** The whole forward pass against its scalar twin, with the shipped weights, in both builds. */
import { describe, expect, it } from 'vitest'
import { EncoderKernel, type EncoderWeights } from '../../../src/kernels/encoder-kernel.ts'
import { encodeScalar } from '../../../src/kernels/encoder-scalar.ts'
import { hasRelaxedSimd } from '../../../src/kernels/relaxed-simd.ts'
import { Vocabulary } from '../../../src/models/edge/vocabulary.ts'
import { WordPiece } from '../../../src/models/edge/word-piece.ts'
import { readModelFile } from '../../../src/models/edge/model-file.ts'
import { edgeKernelModule, KERNEL_BUILDS, readEdgeModelFile } from '../../support/edge-model.ts'

const file = readModelFile(await readEdgeModelFile())
const weights: EncoderWeights = {
  layers: file.section('layers'),
  words: file.section('words'),
  scales: file.section('scales'),
}
const tokenizer = new WordPiece(new Vocabulary(new TextDecoder().decode(file.section('vocab'))))

const TEXT = `A lighthouse keeper wrote down every ship that passed the cape, its flag, its course and the weather. The book
  covers forty years and was found in the attic of the post office, wrapped in oilcloth. `

/** The first `tokens` tokens of some prose. */
function idsOf(tokens: number): Uint32Array {
  return tokenizer.encode(TEXT.repeat(10), tokens)
}

/**
 * How far two implementations may lie apart. Rounding to codes makes last-bit differences grow from layer to layer up to the
 * noise of quantisation itself, which is about .996 of cosine; a mistake in the pass gives far less than this.
 */
const SAME = 0.98

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

describe.each(KERNEL_BUILDS)('the %s build', (build) => {
  const kernel = new EncoderKernel(edgeKernelModule(build), weights)

  it.each([3, 4, 5, 9])('encodes %i tokens as the scalar twin does', (tokens) => {
    const ids = idsOf(tokens)
    expect(cosine(kernel.encode(ids), encodeScalar(weights, [...ids]))).toBeGreaterThan(SAME)
  })

  it.each([2, 3, 10, 11, 127, 128, 255])('forgets a longer text before %i tokens', (tokens) => {
    const fresh = new EncoderKernel(edgeKernelModule(build), weights).encode(idsOf(tokens))
    kernel.encode(idsOf(256))
    expect(kernel.encode(idsOf(tokens))).toEqual(fresh)
  })

  it('returns unit vectors that later calls do not change', () => {
    const first = kernel.encode(idsOf(255))
    const copy = first.slice()
    const second = kernel.encode(idsOf(256))
    expect(first).toEqual(copy)
    expect(cosine(first, first)).toBeCloseTo(1, 5)
    expect(cosine(second, second)).toBeCloseTo(1, 5)
  })

  it('refuses no tokens, too many tokens, and ids beyond the vocabulary', () => {
    expect(() => kernel.encode(new Uint32Array(0))).toThrow('1 to 256 tokens')
    expect(() => kernel.encode(new Uint32Array(257))).toThrow('1 to 256 tokens')
    expect(() => kernel.encode(Uint32Array.of(101, 30_522, 102))).toThrow('lies in the vocabulary')
  })

  it('counts its whole linear memory and no more than the layout needs', () => {
    const needed = weights.layers.byteLength + weights.words.byteLength + weights.scales.byteLength
    expect(kernel.bytes).toBeGreaterThan(needed)
    expect(kernel.bytes).toBeLessThan(needed + 3_500_000)
  })

  it('refuses weights of another size', () => {
    const short = { ...weights, scales: weights.scales.subarray(4) }
    expect(() => new EncoderKernel(edgeKernelModule(build), short)).toThrow('the kernel wants')
  })
})

describe('the two builds', () => {
  it('give vectors that cannot be told apart', () => {
    const [relaxed, plain] = KERNEL_BUILDS.map((build) => new EncoderKernel(edgeKernelModule(build), weights))
    for (const tokens of [2, 17, 256]) {
      expect(cosine(relaxed!.encode(idsOf(tokens)), plain!.encode(idsOf(tokens)))).toBeGreaterThan(SAME)
    }
  })

  it('differ by the instructions that feature detection asks for', () => {
    expect(hasRelaxedSimd()).toBe(true)
  })
})
