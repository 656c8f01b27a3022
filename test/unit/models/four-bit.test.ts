/** 4-bit weights against plain readings of the two layouts in docs/model-format.md. */
import { describe, expect, it } from 'vitest'
import { BLOCK_BYTES, readBlocks, readHalf } from '../../../src/models/edge/four-bit-blocks.ts'
import { embeddingBytes, expandLayers } from '../../../src/models/edge/four-bit-layers.ts'

const WIDTH = 384
const INTERMEDIATE = 1_536

/** Numbers that look random and are the same each time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}

/** Rows of blocks with scales from 2⁻⁸ to 2⁻⁵, some negative, one row of zeros. */
function invented(next: () => number, rows: number, inputs: number): Uint8Array {
  const bytes = new Uint8Array(rows * (inputs / 32) * BLOCK_BYTES)
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const isEmpty = at < (inputs / 32) * BLOCK_BYTES
    bytes[at] = next() * 256
    bytes[at + 1] = (Math.floor(7 + next() * 4) << 2) | (next() < 0.5 ? 0x80 : 0)
    for (let j = 2; j < BLOCK_BYTES; j++) bytes[at + j] = isEmpty ? 0x88 : next() * 256
  }
  return bytes
}

const floats = (next: () => number, count: number): Uint8Array =>
  new Uint8Array(Float32Array.from({ length: count }, () => next() - 0.5).buffer)

describe('binary16', () => {
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x0001, 2 ** -24],
    [0x83ff, -1023 * 2 ** -24],
    [0x7bff, 65_504],
  ])('reads %i as %d', (bits, value) => {
    expect(readHalf(Uint8Array.of(0, bits & 255, bits >> 8), 1)).toBe(value)
  })
})

describe('layers', () => {
  it('keep every weight within half a step of its channel, in the kernel’s panels, with sums and biases', () => {
    const next = seeded(7)
    const plain = floats(next, embeddingBytes(8) / 4)
    const shapes = [
      [WIDTH, 3 * WIDTH, 0],
      [WIDTH, WIDTH, 2 * WIDTH],
      [WIDTH, INTERMEDIATE, 0],
      [INTERMEDIATE, WIDTH, 2 * WIDTH],
    ] as const
    const linears = shapes.map(([inputs, channels, norm]) => ({
      inputs,
      channels,
      blocks: invented(next, channels, inputs),
      biases: floats(next, channels),
      norm: floats(next, norm),
    }))
    const source = Buffer.concat([plain, ...linears.flatMap(({ blocks, biases, norm }) => [blocks, biases, norm])])
    const target = new Uint8Array(64 + plain.length + 1_900_000)
    const end = expandLayers(new Uint8Array(source), 1, target, 64, plain.length)

    expect(target.subarray(64, 64 + plain.length)).toEqual(plain)
    let at = 64 + plain.length
    for (const [index, { inputs, channels, blocks, biases, norm }] of linears.entries()) {
      const codes = new Int8Array(target.buffer, at, inputs * channels)
      const numbers = new Float32Array(target.buffer, at + codes.length, 3 * channels)
      const weights = new Float32Array(inputs * channels)
      readBlocks(blocks, 0, weights.length / 32, weights, 0)
      const bias = new Float32Array(biases.slice().buffer)
      for (let channel = 0; channel < channels; channel += 7) {
        const factor = index === 0 && channel < WIDTH ? 1 / Math.sqrt(32) : 1
        const scale = numbers[channel]! / factor
        let sum = 0
        let worst = 0
        for (let input = 0; input < inputs; input++) {
          const panel = Math.floor(channel / 16) * 16 * inputs
          const code = codes[panel + Math.floor(input / 4) * 64 + (channel % 16) * 4 + (input % 4)]!
          sum += code
          worst = Math.max(worst, Math.abs(weights[channel * inputs + input]! - code * scale))
        }
        expect(worst).toBeLessThanOrEqual(scale * 0.5001)
        expect(numbers[channels + channel]).toBeCloseTo(sum * scale * factor, 4)
        expect(numbers[2 * channels + channel]).toBeCloseTo(bias[channel]! * factor, 6)
      }
      at += codes.length + numbers.byteLength
      expect(target.subarray(at, at + norm.length)).toEqual(norm)
      at += norm.length
    }
    expect(end).toBe(at)
  })

  it('are refused when their file is cut or longer', () => {
    expect(() => expandLayers(new Uint8Array(100), 1, new Uint8Array(2_000_000), 0, 0)).toThrow('whole')
    expect(() => expandLayers(new Uint8Array(100), 0, new Uint8Array(100), 0, 0)).toThrow('has 0 bytes, not 100')
  })
})
