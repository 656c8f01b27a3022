/**
 * The scalar twin of the encoder kernel: the same arithmetic in plain loops and double precision, written for reading. It is
 * the oracle of the WebAssembly builds and too slow for anything else.
 */

export interface Quantised {
  /** Rows × width, 7 bits without a sign. */
  readonly codes: Uint8Array
  /** Two values per row: step, low. x ≈ step · code + low. */
  readonly scales: Float32Array
}

/** A linear layer as it lies in the model file, see docs/model-format.md. */
export interface LinearLayer {
  readonly inputs: number
  readonly channels: number
  readonly panels: Int8Array
  readonly scale: Float32Array
  readonly columnSum: Float32Array
  readonly bias: Float32Array
}

export type Finish = 'plain' | 'gelu' | 'residual'

/** Quantises each row over its own range; a row of equal values gets codes of 0. */
export function quantise(x: Float32Array, rows: number, width: number): Quantised {
  const codes = new Uint8Array(rows * width)
  const scales = new Float32Array(rows * 2)
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * width, (row + 1) * width)
    const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
    const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const range = high - low
    scales.set([range / 127, low], row * 2)
    for (let i = 0; i < width; i++)
      codes[row * width + i] = range > 0 ? Math.round(((values[i]! - low) * 127) / range) : 0
  }
  return { codes, scales }
}

/** LayerNorm of each row (Ba et al. 2016) with the model's epsilon 1e-12. */
export function layerNorm(x: Float32Array, rows: number, gain: Float32Array, bias: Float32Array): Float32Array {
  const width = gain.length
  const out = new Float32Array(rows * width)
  for (let row = 0; row < rows; row++) {
    const values = x.subarray(row * width, (row + 1) * width)
    const mean = values.reduce((sum, value) => sum + value, 0) / width
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width
    const inverse = 1 / Math.sqrt(variance + 1e-12)
    for (let i = 0; i < width; i++) out[row * width + i] = (values[i]! - mean) * inverse * gain[i]! + bias[i]!
  }
  return out
}

/** The error function by its Maclaurin series, which 200 terms bring to double precision within [-4, 4]; ±1 beyond. */
function erf(x: number): number {
  if (Math.abs(x) > 4) return Math.sign(x)
  let power = x
  let sum = x
  for (let n = 1; n < 200; n++) {
    power *= (-x * x) / n
    sum += power / (2 * n + 1)
  }
  return (2 * sum) / Math.sqrt(Math.PI)
}

/** GELU by its definition (Hendrycks & Gimpel 2016), x · Φ(x). */
export const gelu = (x: number): number => (x * (1 + erf(x / Math.SQRT2))) / 2

/** Where the code of one weight lies among the panels. */
function panelOffset(inputs: number, channel: number, input: number): number {
  const panel = (channel >> 4) * inputs * 16
  const block = (input >> 3) * 128 + ((input >> 2) & 1) * 64
  return panel + block + ((channel >> 2) & 3) * 16 + (channel & 3) * 4 + (input & 3)
}

/** Rows × channels; `previous` is what a residual adds. */
export function linear(
  x: Quantised,
  rows: number,
  layer: LinearLayer,
  finish: Finish,
  previous?: Float32Array,
): Float32Array {
  const { inputs, channels } = layer
  const out = new Float32Array(rows * channels)
  for (let row = 0; row < rows; row++) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0
      for (let i = 0; i < inputs; i++) {
        sum += x.codes[row * inputs + i]! * layer.panels[panelOffset(inputs, channel, i)]!
      }
      const value =
        sum * layer.scale[channel]! * x.scales[row * 2]! +
        x.scales[row * 2 + 1]! * layer.columnSum[channel]! +
        layer.bias[channel]!
      const at = row * channels + channel
      out[at] = finish === 'gelu' ? gelu(value) : finish === 'residual' ? value + previous![at]! : value
    }
  }
  return out
}

/** Attention of 12 heads of width 32 over rows of queries, keys and values (384 each); rows × 384. */
export function attention(qkv: Float32Array, tokens: number): Float32Array {
  const out = new Float32Array(tokens * 384)
  for (let head = 0; head < 12; head++) {
    for (let row = 0; row < tokens; row++) {
      const scores: number[] = []
      for (let column = 0; column < tokens; column++) {
        let score = 0
        for (let d = 0; d < 32; d++)
          score += qkv[row * 1152 + head * 32 + d]! * qkv[column * 1152 + 384 + head * 32 + d]!
        scores.push(score)
      }
      const maximum = scores.reduce((a, b) => Math.max(a, b))
      const weights = scores.map((score) => Math.exp(score - maximum))
      const sum = weights.reduce((a, b) => a + b)
      for (let d = 0; d < 32; d++) {
        let value = 0
        for (let column = 0; column < tokens; column++) {
          value += weights[column]! * qkv[column * 1152 + 768 + head * 32 + d]!
        }
        out[row * 384 + head * 32 + d] = value / sum
      }
    }
  }
  return out
}

/** Tokens from which on the kernel attends in codes. */
const CODED_FROM = 96

/** Signed codes of values around 0, the largest of which gets 63 or -63. */
function signedCodes(values: readonly number[]): { readonly codes: readonly number[]; readonly step: number } {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const step = largest / 63
  return { codes: values.map((value) => (step > 0 ? Math.round(value / step) : 0)), step }
}

/**
 * Attention as above in codes: queries have 7 bits without a sign each over its own range, keys and channels of values
 * codes up to 63; a weight is a share of 127, which the largest of its row has.
 */
export function codedAttention(qkv: Float32Array, tokens: number): Float32Array {
  const out = new Float32Array(tokens * 384)
  const rows = Array.from({ length: tokens }, (_, row) => row)
  for (let head = 0; head < 12; head++) {
    const part = (row: number, which: number): Float32Array =>
      qkv.subarray(row * 1152 + which * 384 + head * 32, row * 1152 + which * 384 + head * 32 + 32)
    const keys = rows.map((row) => signedCodes([...part(row, 1)]))
    const channels = Array.from({ length: 32 }, (_, d) => signedCodes(rows.map((row) => part(row, 2)[d]!)))
    for (const row of rows) {
      const query = quantise(part(row, 0), 1, 32)
      const [step, low] = query.scales
      const scores = keys.map(
        (key) => key.step * key.codes.reduce((sum, code, d) => sum + code * (step! * query.codes[d]! + low!), 0),
      )
      const maximum = scores.reduce((a, b) => Math.max(a, b))
      const shares = scores.map((score) => Math.round(127 * Math.exp(score - maximum)))
      const all = shares.reduce((a, b) => a + b)
      for (const [d, channel] of channels.entries()) {
        const sum = shares.reduce((total, share, column) => total + share * channel.codes[column]!, 0)
        out[row * 384 + head * 32 + d] = (sum * channel.step) / all
      }
    }
  }
  return out
}

/** The mean over rows of 384, scaled to length 1. */
export function pool(x: Float32Array, rows: number): Float32Array {
  const sums = Array.from({ length: 384 }, (_, d) => {
    let sum = 0
    for (let row = 0; row < rows; row++) sum += x[row * 384 + d]!
    return sum
  })
  const norm = Math.hypot(...sums)
  return Float32Array.from(sums, (sum) => sum / norm)
}

/** Encodes the word rows of one text, tokens × 384, with the section `layers` of a model file, in the order of the network. */
export function encodeScalar(
  weights: { readonly layers: Uint8Array; readonly layerCount: number; readonly maxTokens: number },
  words: Float32Array,
): Float32Array {
  const bytes = weights.layers.slice().buffer
  let at = 0
  const floats = (count: number): Float32Array => {
    const part = new Float32Array(bytes, at, count)
    at += count * 4
    return part
  }
  const nextLinear = (inputs: number, channels: number): LinearLayer => {
    const panels = new Int8Array(bytes, at, inputs * channels)
    at += panels.length
    return { inputs, channels, panels, scale: floats(channels), columnSum: floats(channels), bias: floats(channels) }
  }
  const tokens = words.length / 384
  const positions = floats(weights.maxTokens * 384)
  let hidden: Float32Array = words.map((value, i) => value + positions[i]!)
  hidden = layerNorm(hidden, tokens, floats(384), floats(384))
  for (let layer = 0; layer < weights.layerCount; layer++) {
    const qkv = linear(quantise(hidden, tokens, 384), tokens, nextLinear(384, 1152), 'plain')
    const attend = tokens < CODED_FROM ? attention : codedAttention
    const context = quantise(attend(qkv, tokens), tokens, 384)
    const attended = linear(context, tokens, nextLinear(384, 384), 'residual', hidden)
    hidden = layerNorm(attended, tokens, floats(384), floats(384))
    const wide = linear(quantise(hidden, tokens, 384), tokens, nextLinear(384, 1536), 'gelu')
    const narrow = linear(quantise(wide, tokens, 1536), tokens, nextLinear(1536, 384), 'residual', hidden)
    hidden = layerNorm(narrow, tokens, floats(384), floats(384))
  }
  return pool(hidden, tokens)
}
