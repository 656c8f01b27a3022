/**
 * Turns layers in 4 bits, as the files of `edge-multilingual` have them, into the kernel's int8 panels while a model is
 * loaded (both layouts: docs/model-format.md). The finer scales of the blocks become one for each output channel.
 */
import { invariant } from '../../core/invariant.ts'
import { ENCODER_DIMENSIONS, ENCODER_HEADS, ENCODER_INTERMEDIATE } from '../../kernels/encoder-kernel.ts'
import { BLOCK_BYTES, BLOCK_WEIGHTS, CODE_ZERO, readHalf } from './four-bit-blocks.ts'

/** Kernel codes lie in [−63, 63]. */
const CODE_MAX = 63
const NORM_BYTES = 2 * ENCODER_DIMENSIONS * 4
const PANEL_CHANNELS = 16

/** Where reading and writing stand. */
interface Cursor {
  readonly source: Uint8Array
  at: number
  readonly target: Uint8Array
  targetAt: number
}

/** What comes before the first layer: positions and the norm of the embeddings, as they are. */
export const embeddingBytes = (maxTokens: number): number => maxTokens * ENCODER_DIMENSIONS * 4 + NORM_BYTES

/**
 * Expands `layers` layers from `source` into `target` (the kernel's weights) from byte `targetAt` on; the first file begins
 * with `plainBytes` that are copied. Returns where the next file's layers belong.
 */
export function expandLayers(
  source: Uint8Array,
  layers: number,
  target: Uint8Array,
  targetAt: number,
  plainBytes: number,
): number {
  const cursor: Cursor = { source, at: 0, target, targetAt }
  copy(cursor, plainBytes)
  for (let layer = 0; layer < layers; layer++) {
    // 1 / √(width of a head) is folded into the queries.
    linear(cursor, ENCODER_DIMENSIONS, 3 * ENCODER_DIMENSIONS, Math.sqrt(ENCODER_HEADS / ENCODER_DIMENSIONS))
    linear(cursor, ENCODER_DIMENSIONS, ENCODER_DIMENSIONS)
    copy(cursor, NORM_BYTES)
    linear(cursor, ENCODER_DIMENSIONS, ENCODER_INTERMEDIATE)
    linear(cursor, ENCODER_INTERMEDIATE, ENCODER_DIMENSIONS)
    copy(cursor, NORM_BYTES)
  }
  invariant(cursor.at === source.byteLength, `a file of layers has ${cursor.at} bytes, not ${source.byteLength}`)
  return cursor.targetAt
}

function copy(cursor: Cursor, bytes: number): void {
  cursor.target.set(cursor.source.subarray(cursor.at, cursor.at + bytes), cursor.targetAt)
  cursor.at += bytes
  cursor.targetAt += bytes
}

/** One linear layer; `queryFactor` multiplies the outputs of the first 384 channels. */
function linear(cursor: Cursor, inputs: number, channels: number, queryFactor = 1): void {
  const { source, target } = cursor
  const blocks = inputs / BLOCK_WEIGHTS
  const codes = target.subarray(cursor.targetAt, cursor.targetAt + inputs * channels)
  const numbersAt = target.byteOffset + cursor.targetAt + inputs * channels
  const numbers = new Float32Array(target.buffer, numbersAt, 3 * channels)
  const biasesAt = cursor.at + channels * blocks * BLOCK_BYTES
  const biases = new Float32Array(source.slice(biasesAt, biasesAt + channels * 4).buffer)
  invariant(biases.length === channels, 'a file of layers is whole')
  for (let channel = 0; channel < channels; channel++) {
    const scale = channelScale(source, cursor.at, blocks)
    const sum = channelCodes(source, cursor.at, blocks, scale, codes, panelStart(channel, inputs))
    const factor = channel < ENCODER_DIMENSIONS ? queryFactor : 1
    numbers[channel] = scale * factor
    numbers[channels + channel] = sum * scale * factor
    numbers[2 * channels + channel] = biases[channel]! * factor
    cursor.at += blocks * BLOCK_BYTES
  }
  cursor.at += channels * 4
  cursor.targetAt += inputs * channels + numbers.byteLength
}

/** The byte of a channel's first input; its other inputs follow in `channelCodes`. */
const panelStart = (channel: number, inputs: number): number =>
  Math.floor(channel / PANEL_CHANNELS) * PANEL_CHANNELS * inputs + (channel % PANEL_CHANNELS) * 4

/** The step between the codes of a channel whose blocks begin at `at`: its largest weight is the end of the range. */
function channelScale(source: Uint8Array, at: number, blocks: number): number {
  let largest = 0
  for (let block = 0; block < blocks; block++) {
    const start = at + block * BLOCK_BYTES
    let seen = 0
    for (let j = start + 2; j < start + BLOCK_BYTES; j++) seen |= (1 << (source[j]! & 15)) | (1 << (source[j]! >> 4))
    const most = 31 - Math.clz32(seen)
    const least = 31 - Math.clz32(seen & -seen)
    largest = Math.max(largest, Math.abs(readHalf(source, start)) * Math.max(CODE_ZERO - least, most - CODE_ZERO))
  }
  return largest === 0 ? 1 : largest / CODE_MAX
}

/** Writes a channel's codes into its panel, 4 inputs side by side and 64 bytes apart; returns their sum. */
function channelCodes(
  source: Uint8Array,
  at: number,
  blocks: number,
  scale: number,
  codes: Uint8Array,
  start: number,
): number {
  const translated = new Int32Array(16)
  let sum = 0
  for (let block = 0; block < blocks; block++) {
    const from = at + block * BLOCK_BYTES
    const ratio = readHalf(source, from) / scale
    for (let code = 0; code < 16; code++) translated[code] = Math.round((code - CODE_ZERO) * ratio)
    // 32 inputs are 8 groups of 4.
    const panel = start + block * 8 * 64
    for (let j = 0; j < 16; j++) {
      const pair = source[from + 2 + j]!
      const low = translated[pair & 15]!
      const high = translated[pair >> 4]!
      const to = panel + (j >> 2) * 64 + (j & 3)
      codes[to] = low
      codes[to + 256] = high
      sum += low + high
    }
  }
  return sum
}
