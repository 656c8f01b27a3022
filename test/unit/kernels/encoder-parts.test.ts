/** Each part of the encoder kernel against its scalar twin, in both builds, at every length that takes another path. */
import { describe, expect, it } from 'vitest'
import {
  attention,
  codedAttention,
  gelu,
  layerNorm,
  linear,
  pool,
  quantise,
  type Finish,
  type LinearLayer,
} from '../../../src/kernels/encoder-scalar.ts'
import { edgeKernelModule, KERNEL_BUILDS } from '../../support/edge-model.ts'
import { seededRandom } from '../../support/seeded-random.ts'

interface Parts {
  readonly memory: WebAssembly.Memory
  initialise(layers: number, tokens: number): void
  end(): number
  linear(
    codes: number,
    codeScales: number,
    rows: number,
    layer: number,
    depths: number,
    inputs: number,
    channels: number,
    out: number,
    rowBytes: number,
    mode: number,
  ): void
  isDeepPanel(panel: number, inputs: number): number
  attention(qkv: number, tokens: number, out: number): void
  codedAttention(qkv: number, tokens: number, out: number): void
  geluQuantise(x: number, rows: number, width: number, codes: number, codeScales: number): void
  layerNorm(x: number, rows: number, norm: number, codes: number, codeScales: number): void
  quantise(x: number, rows: number, width: number, codes: number, codeScales: number): void
  pool(rows: number, tokens: number, out: number): void
}

/** GELU is a pass of its own in the kernel. */
const MODES: Record<Finish, number> = { plain: 0, gelu: 0, residual: 1 }
/** What memory holds where nothing was written; a NaN as a float, so that reading it shows. */
const CANARY = 0xff

/** A kernel with memory of the test's own behind its layout. Every allocation is fenced by canaries. */
class Arena {
  readonly parts: Parts
  readonly #regions: { start: number; end: number }[] = []
  readonly #start: number
  #next: number

  constructor(build: (typeof KERNEL_BUILDS)[number]) {
    this.parts = new WebAssembly.Instance(edgeKernelModule(build)).exports as unknown as Parts
    this.parts.initialise(1, MAX_TOKENS)
    this.#start = this.parts.memory.buffer.byteLength
    this.#next = this.#start + 64
    this.parts.memory.grow(128)
    this.bytes(this.#start, 128 * 65_536).fill(CANARY)
  }

  bytes(start: number, length: number): Uint8Array {
    return new Uint8Array(this.parts.memory.buffer, start, length)
  }

  floats(start: number, count: number): Float32Array {
    return new Float32Array(this.parts.memory.buffer, start, count)
  }

  room(bytes: number): number {
    const start = this.#next
    this.#regions.push({ start, end: start + bytes })
    this.#next = Math.ceil((start + bytes + 64) / 16) * 16
    return start
  }

  place(values: Float32Array | Int8Array | Uint8Array): number {
    const start = this.room(values.byteLength)
    this.bytes(start, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    return start
  }

  /** Finds a byte outside all allocations that something wrote. */
  strayWrite(): number | undefined {
    let at = this.#start
    for (const { start, end } of this.#regions) {
      const index = this.bytes(at, start - at).findIndex((byte) => byte !== CANARY)
      if (index >= 0) return at + index
      at = end
    }
    return this.bytes(at, 4_096).every((byte) => byte === CANARY) ? undefined : at
  }
}

const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 255, 256]
const MAX_TOKENS = 512

const floatsOf = (random: () => number, count: number, scale = 1): Float32Array =>
  Float32Array.from({ length: count }, () => (random() + random() + random() - 1.5) * scale)

/** A layer with codes up to `largest`; with 63 hardly a panel is deep, with 20 all are. */
function layerOf(random: () => number, inputs: number, channels: number, largest: number): LinearLayer {
  return {
    inputs,
    channels,
    panels: Int8Array.from({ length: inputs * channels }, () => Math.round((random() * 2 - 1) * largest)),
    scale: Float32Array.from({ length: channels }, () => random() * 0.01),
    columnSum: floatsOf(random, channels),
    bias: floatsOf(random, channels),
  }
}

function placeLayer(arena: Arena, layer: LinearLayer): number {
  const parts = [layer.panels, layer.scale, layer.columnSum, layer.bias]
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer), at)
    at += part.byteLength
  }
  return arena.place(bytes)
}

/** What the kernel says of each panel of a placed layer, as `linear` wants it. */
function depthsOf(arena: Arena, weights: number, inputs: number, channels: number): Uint8Array {
  return Uint8Array.from({ length: channels / 16 }, (_, panel) =>
    arena.parts.isDeepPanel(weights + panel * 16 * inputs, inputs),
  )
}

/** Largest difference relative to the largest value. */
function difference(actual: Float32Array, expected: Float32Array): number {
  const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9)
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0) / largest
}

describe.each(KERNEL_BUILDS)('the %s build', (build) => {
  it.each(ROWS)('multiplies %i rows as the scalar twin does, with every finish', (rows) => {
    for (const [inputs, channels, finish, largest, isDeep] of [
      [16, 16, 'plain', 20, true],
      [48, 48, 'gelu', 20, true],
      [384, 32, 'residual', 20, true],
      [384, 48, 'plain', 63, false],
    ] as const) {
      const random = seededRandom(rows * 1_000 + inputs)
      const arena = new Arena(build)
      const layer = layerOf(random, inputs, channels, largest)
      const x = quantise(floatsOf(random, rows * inputs), rows, inputs)
      const previous = floatsOf(random, rows * channels)
      const codes = arena.place(x.codes)
      const scales = arena.place(x.scales)
      const weights = placeLayer(arena, layer)
      const depths = depthsOf(arena, weights, inputs, channels)
      expect([...depths]).toEqual(Array.from(depths, () => Number(isDeep)))
      const out = arena.place(previous)
      const at = arena.place(depths)
      arena.parts.linear(codes, scales, rows, weights, at, inputs, channels, out, channels * 4, MODES[finish])
      if (finish === 'gelu')
        arena.parts.geluQuantise(out, rows, channels, arena.room(rows * channels), arena.room(rows * 8))
      const expected = linear(x, rows, layer, finish, previous)
      expect(difference(arena.floats(out, rows * channels), expected)).toBeLessThan(finish === 'gelu' ? 2e-3 : 5e-5)
      expect(arena.strayWrite()).toBeUndefined()
    }
  })

  it.each([
    ['the largest codes', (i: number) => ((i >> 2) % 2 === 0 ? 63 : -63), 63, 0],
    // Eight weights share a lane; with activations of 127 their products come to 32,766 at most.
    [
      'sums that just fit in 16 bits',
      (i: number) => (((i >> 6) & 3) === 3 ? 33 : 32) * ((i >> 2) % 2 === 0 ? 1 : -1),
      32.25,
      1,
    ],
  ])('keeps sums exact with %s', (_, codeAt, mean, isDeep) => {
    const arena = new Arena(build)
    const inputs = 1_536
    const layer: LinearLayer = {
      inputs,
      channels: 16,
      panels: new Int8Array(inputs * 16).map((_zero, i) => codeAt(i)),
      scale: new Float32Array(16).fill(1),
      columnSum: new Float32Array(16),
      bias: new Float32Array(16),
    }
    const x = { codes: new Uint8Array(inputs * 3).fill(127), scales: Float32Array.of(1, 0, 1, 0, 1, 0) }
    const out = arena.room(3 * 16 * 4)
    const weights = placeLayer(arena, layer)
    const depths = depthsOf(arena, weights, inputs, 16)
    expect([...depths]).toEqual([isDeep])
    arena.parts.linear(
      arena.place(x.codes),
      arena.place(x.scales),
      3,
      weights,
      arena.place(depths),
      inputs,
      16,
      out,
      64,
      MODES.plain,
    )
    expect([...arena.floats(out, 48)]).toEqual([...linear(x, 3, layer, 'plain')])
    expect(Math.abs(arena.floats(out, 1)[0]!)).toBe(127 * mean * inputs)
  })

  it('finds the one lane whose weights of one sign sum to more than 16 bits allow', () => {
    const random = seededRandom(3)
    const inputs = 384
    for (const sign of [1, -1]) {
      for (const [sum, isDeep] of [
        [258, 1],
        [259, 0],
      ]) {
        const arena = new Arena(build)
        const panel = Int8Array.from({ length: inputs * 16 }, () => Math.round((random() * 2 - 1) * 20))
        // A lane: two neighbours of one channel in each of the four halves of 16 inputs.
        const first = Math.floor(random() * 24) * 256 + Math.floor(random() * 32) * 2
        for (let half = 0; half < 4; half++) {
          panel[first + half * 64] = sign * 32
          panel[first + half * 64 + 1] = sign * (half < 2 ? 32 : half === 2 ? 33 : sum! - 225)
        }
        expect(arena.parts.isDeepPanel(arena.place(panel), inputs)).toBe(isDeep)
      }
    }
  })

  it('follows GELU within 1.1e-3, and quantises what it wrote', () => {
    const arena = new Arena(build)
    const width = 16 * 128
    const values = Float32Array.from({ length: width * 2 }, (_, i) => (i / width) * 10 - 10)
    const at = arena.place(values)
    const codes = arena.room(width * 2)
    const scales = arena.room(16)
    arena.parts.geluQuantise(at, 2, width, codes, scales)
    const actual = arena.floats(at, width * 2)
    for (const [i, x] of values.entries()) expect(Math.abs(actual[i]! - gelu(x)), `gelu(${x})`).toBeLessThan(1.1e-3)
    const requantised = quantise(actual, 2, width)
    expect(difference(arena.floats(scales, 4), requantised.scales)).toBeLessThan(1e-6)
    expect(requantised.codes.filter((code, i) => Math.abs(code - arena.bytes(codes, width * 2)[i]!) > 1)).toHaveLength(
      0,
    )
    expect(arena.strayWrite()).toBeUndefined()
  })

  it.each(ROWS)('quantises %i rows to the codes of the scalar twin', (rows) => {
    for (const width of [16, 48, 384, 1_536]) {
      const random = seededRandom(rows * 7 + width)
      const arena = new Arena(build)
      const x = floatsOf(random, rows * width, 4)
      x.fill(2.5, 0, width)
      const codes = arena.room(rows * width)
      const scales = arena.room(rows * 8)
      arena.parts.quantise(arena.place(x), rows, width, codes, scales)
      const expected = quantise(x, rows, width)
      expect(difference(arena.floats(scales, rows * 2), expected.scales)).toBeLessThan(1e-6)
      // A value half way between two codes may fall to either side.
      const actual = arena.bytes(codes, rows * width)
      const apart = expected.codes.filter((code, i) => Math.abs(code - actual[i]!) > 1)
      const differing = expected.codes.filter((code, i) => code !== actual[i]!)
      expect(apart).toHaveLength(0)
      expect(differing.length).toBeLessThanOrEqual(1 + expected.codes.length / 5_000)
      expect(arena.strayWrite()).toBeUndefined()
    }
  })

  it.each(ROWS)('normalises %i rows and quantises what it wrote', (rows) => {
    const random = seededRandom(rows)
    const arena = new Arena(build)
    const x = floatsOf(random, rows * 384, 3)
    const norm = floatsOf(random, 768)
    const at = arena.place(x)
    const codes = arena.room(rows * 384)
    const scales = arena.room(rows * 8)
    arena.parts.layerNorm(at, rows, arena.place(norm), codes, scales)
    const actual = arena.floats(at, rows * 384)
    expect(difference(actual, layerNorm(x, rows, norm.subarray(0, 384), norm.subarray(384)))).toBeLessThan(1e-5)
    const requantised = quantise(actual, rows, 384)
    expect(difference(arena.floats(scales, rows * 2), requantised.scales)).toBeLessThan(1e-6)
    const apart = requantised.codes.filter((code, i) => Math.abs(code - arena.bytes(codes, rows * 384)[i]!) > 1)
    expect(apart).toHaveLength(0)
    expect(arena.strayWrite()).toBeUndefined()
  })

  it('leaves the codes alone when the last norm asks for none', () => {
    const arena = new Arena(build)
    const x = arena.place(floatsOf(seededRandom(1), 384))
    arena.parts.layerNorm(x, 1, arena.place(new Float32Array(768).fill(1)), 0, 0)
    expect(arena.strayWrite()).toBeUndefined()
  })

  it.each([...ROWS, 500, MAX_TOKENS])('attends over %i tokens; rows beyond them, even NaN, never count', (tokens) => {
    const random = seededRandom(tokens)
    const arena = new Arena(build)
    const qkv = floatsOf(random, tokens * 1_152, 2)
    const padded = Math.ceil(tokens / 8) * 8
    const room = new Float32Array(padded * 1_152).fill(Number.NaN)
    room.set(qkv)
    const out = arena.room(padded * 384 * 4)
    arena.parts.attention(arena.place(room), tokens, out)
    expect(difference(arena.floats(out, tokens * 384), attention(qkv, tokens))).toBeLessThan(2e-5)
    expect(arena.strayWrite()).toBeUndefined()
  })

  it.each([...ROWS, 16, 17, 95, 500, MAX_TOKENS])(
    'attends over %i tokens in codes as the scalar twin does',
    (tokens) => {
      const random = seededRandom(tokens)
      const arena = new Arena(build)
      const qkv = floatsOf(random, tokens * 1_152, 2)
      const out = arena.room(tokens * 384 * 4)
      arena.parts.codedAttention(arena.place(qkv), tokens, out)
      const actual = arena.floats(out, tokens * 384)
      const expected = codedAttention(qkv, tokens)
      // A share half way between two codes may fall to either side, which moves a row by less than 1 of its 127 and more.
      expect(difference(actual, expected)).toBeLessThan(0.01)
      const apart = expected.filter((value, i) => Math.abs(value - actual[i]!) > 1e-4)
      expect(apart.length).toBeLessThan(expected.length / 10)
      // These scores lie much further apart than a model's, so codes cost more than they do there.
      expect(difference(actual, attention(qkv, tokens))).toBeLessThan(0.15)
      expect(arena.strayWrite()).toBeUndefined()
    },
  )

  it('attends in codes over equal keys, values of 0 and one overwhelming score', () => {
    const arena = new Arena(build)
    const qkv = new Float32Array(3 * 1_152)
    qkv.fill(30, 0, 768)
    qkv.fill(1, 768, 1_000)
    const out = arena.room(3 * 384 * 4)
    arena.parts.codedAttention(arena.place(qkv), 3, out)
    expect(difference(arena.floats(out, 3 * 384), attention(qkv, 3))).toBeLessThan(1e-5)
  })

  it('keeps a softmax with one overwhelming score finite', () => {
    const arena = new Arena(build)
    const qkv = new Float32Array(8 * 1_152)
    qkv.fill(30, 0, 768)
    qkv.fill(1, 768, 1_152)
    const out = arena.room(8 * 384 * 4)
    arena.parts.attention(arena.place(qkv), 2, out)
    expect(difference(arena.floats(out, 768), attention(qkv, 2))).toBeLessThan(1e-6)
  })

  it.each(ROWS)('pools %i rows into a unit vector', (rows) => {
    const arena = new Arena(build)
    const x = floatsOf(seededRandom(rows), rows * 384)
    const out = arena.room(384 * 4)
    arena.parts.pool(arena.place(x), rows, out)
    expect(difference(arena.floats(out, 384), pool(x, rows))).toBeLessThan(1e-5)
    expect(arena.strayWrite()).toBeUndefined()
  })
})
