/** The whole forward pass against its scalar twin, with the shipped weights and with invented ones, in both builds. */
import { describe, expect, it } from 'vitest'
import { ENCODER_DIMENSIONS, EncoderKernel } from '../../../src/kernels/encoder-kernel.ts'
import { encodeScalar } from '../../../src/kernels/encoder-scalar.ts'
import { hasRelaxedSimd } from '../../../src/kernels/relaxed-simd.ts'
import { Vocabulary } from '../../../src/models/edge/vocabulary.ts'
import { WordPiece } from '../../../src/models/edge/word-piece.ts'
import { Int8WordRows } from '../../../src/models/edge/word-rows.ts'
import { readModelFile } from '../../../src/models/edge/model-file.ts'
import { edgeKernelModule, KERNEL_BUILDS, readEdgeModelFile } from '../../support/edge-model.ts'
import { inventedLayers } from '../../support/invented-layers.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const file = readModelFile(await readEdgeModelFile())
const layers = file.section('layers')
const shape = { layerCount: 6, maxTokens: 256, layers: [layers] }
const words = new Int8WordRows(file.section('words'), file.section('scales'))
const tokenizer = new WordPiece(new Vocabulary(new TextDecoder().decode(file.section('vocab'))))

const TEXT = `A lighthouse keeper wrote down every ship that passed the cape, its flag, its course and the weather. The book
  covers forty years and was found in the attic of the post office, wrapped in oilcloth. `

/** The word rows of the first `tokens` tokens of some prose, from its word `start` on. */
function rowsOf(tokens: number, start = 0): Float32Array {
  const ids = tokenizer.encode(TEXT.repeat(10).split(' ').slice(start).join(' '), tokens)
  const rows = new Float32Array(ids.length * ENCODER_DIMENSIONS)
  words.write(ids, rows)
  return rows
}

/** Encodes texts in one call. */
function encode(kernel: EncoderKernel, ...texts: readonly Float32Array[]): Float32Array[] {
  const lengths = texts.map((rows) => rows.length / ENCODER_DIMENSIONS)
  return kernel.encode(lengths, (target) => {
    let at = 0
    for (const rows of texts) {
      target.set(rows, at)
      at += rows.length
    }
  })
}

/**
 * How far two implementations may lie apart. Rounding to codes makes last-bit differences grow from layer to layer up to the
 * noise of quantisation itself, which is about .996 of cosine; a mistake in the pass gives far less than this.
 */
const SAME = 0.98

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

describe.each(KERNEL_BUILDS)('the %s build', (build) => {
  const kernel = new EncoderKernel(edgeKernelModule(build), shape)

  it.each([3, 4, 5, 9, 96])('encodes %i tokens as the scalar twin does', (tokens) => {
    const rows = rowsOf(tokens)
    expect(cosine(encode(kernel, rows)[0]!, encodeScalar({ ...shape, layers }, rows))).toBeGreaterThan(SAME)
  })

  it.each([2, 3, 10, 11, 127, 128, 255])('forgets a longer text before %i tokens', (tokens) => {
    const [fresh] = encode(new EncoderKernel(edgeKernelModule(build), shape), rowsOf(tokens))
    encode(kernel, rowsOf(256))
    expect(encode(kernel, rowsOf(tokens))).toEqual([fresh])
  })

  it('gives each of several texts the vector that it has alone', () => {
    const texts = [3, 2, 17, 40, 9, 64, 121].map((tokens, i) => rowsOf(tokens, i))
    const alone = texts.map((rows) => encode(kernel, rows)[0]!)
    expect(encode(kernel, ...texts)).toEqual(alone)
    expect(encode(kernel, ...texts.toReversed())).toEqual(alone.toReversed())
  })

  it('returns unit vectors that later calls do not change', () => {
    const [first] = encode(kernel, rowsOf(255))
    const copy = first!.slice()
    const [second] = encode(kernel, rowsOf(256))
    expect(first).toEqual(copy)
    expect(cosine(first!, first!)).toBeCloseTo(1, 5)
    expect(cosine(second!, second!)).toBeCloseTo(1, 5)
  })

  it('refuses no texts, too many, empty ones, and too many tokens', () => {
    const none = (): void => {}
    expect(() => kernel.encode([], none)).toThrow('1 to 32 texts')
    expect(() =>
      kernel.encode(
        Array.from({ length: 33 }, () => 2),
        none,
      ),
    ).toThrow('1 to 32 texts')
    expect(() => kernel.encode([3, 0], none)).toThrow('a text has tokens')
    expect(() => kernel.encode([257], none)).toThrow('at most 256 tokens')
    expect(() => kernel.encode([200, 57], none)).toThrow('at most 256 tokens')
  })

  it('counts its whole linear memory and no more than the layout needs', () => {
    expect(kernel.bytes).toBeGreaterThan(layers.byteLength)
    expect(kernel.bytes).toBeLessThan(layers.byteLength + 3_500_000)
  })

  it('refuses weights of another size', () => {
    const short = { ...shape, layers: [layers.subarray(0, 1_000), layers.subarray(1_004)] }
    expect(() => new EncoderKernel(edgeKernelModule(build), short)).toThrow('the kernel wants')
    expect(() => new EncoderKernel(edgeKernelModule(build), { ...shape, layerCount: 12 })).toThrow('the kernel wants')
  })

  it('takes weights in parts, or written in place, for other numbers of layers and 512 tokens', () => {
    const other = { layerCount: 3, maxTokens: 512 }
    const invented = inventedLayers(seededRandom(7), other)
    const inParts = new EncoderKernel(edgeKernelModule(build), {
      ...other,
      layers: [invented.subarray(0, 12_345), invented.subarray(12_345)],
    })
    const inPlace = new EncoderKernel(edgeKernelModule(build), other)
    inPlace.weights.set(invented)
    const random = seededRandom(8)
    for (const tokens of [5, 12]) {
      const rows = Float32Array.from({ length: tokens * ENCODER_DIMENSIONS }, () => random() - 0.5)
      const [vector] = encode(inParts, rows)
      expect(encode(inPlace, rows)).toEqual([vector])
      expect(cosine(vector!, encodeScalar({ ...other, layers: invented }, rows))).toBeGreaterThan(SAME)
    }
    const long = Float32Array.from({ length: 512 * ENCODER_DIMENSIONS }, () => random() - 0.5)
    const short = long.subarray(0, 30 * ENCODER_DIMENSIONS)
    const [before] = encode(inPlace, short)
    expect(cosine(encode(inPlace, long)[0]!, encode(inParts, long)[0]!)).toBeCloseTo(1, 5)
    expect(encode(inPlace, short)).toEqual([before])
  })
})

describe('the two builds', () => {
  it('give vectors that cannot be told apart', () => {
    const [relaxed, plain] = KERNEL_BUILDS.map((build) => new EncoderKernel(edgeKernelModule(build), shape))
    for (const tokens of [2, 17, 256]) {
      const rows = rowsOf(tokens)
      expect(cosine(encode(relaxed!, rows)[0]!, encode(plain!, rows)[0]!)).toBeGreaterThan(SAME)
    }
  })

  it('differ by the instructions that feature detection asks for', () => {
    expect(hasRelaxedSimd()).toBe(true)
  })
})
