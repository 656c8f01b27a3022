/**
 * Weights in 4 bits as GGML's Q4_0 has them: blocks of 32 with one scale. 18 bytes: the scale as binary16, then 16 bytes, of
 * which byte j holds the codes of weights j (low half) and j + 16; weight = (code − 8) · scale.
 */

export const BLOCK_WEIGHTS = 32
export const BLOCK_BYTES = 18
/** What a code is above the weight that it stands for. */
export const CODE_ZERO = 8

/** 2 ** (exponent − 25) for normal numbers; subnormal ones count like those of exponent 1. */
const POWERS = Float64Array.from({ length: 32 }, (_, exponent) => 2 ** (Math.max(exponent, 1) - 25))

/** Reads a binary16 that is finite. */
export function readHalf(bytes: Uint8Array, at: number): number {
  const bits = bytes[at]! | (bytes[at + 1]! << 8)
  const exponent = (bits >> 10) & 31
  const size = ((bits & 1023) + (exponent === 0 ? 0 : 1024)) * POWERS[exponent]!
  return bits >> 15 === 1 ? -size : size
}

/** Writes the weights of `count` blocks, which begin at `at`, as float32 behind each other into `target`. */
export function readBlocks(bytes: Uint8Array, at: number, count: number, target: Float32Array, targetAt: number): void {
  for (let block = 0; block < count; block++) {
    const scale = readHalf(bytes, at)
    for (let j = 0; j < BLOCK_WEIGHTS / 2; j++) {
      const pair = bytes[at + 2 + j]!
      target[targetAt + j] = ((pair & 15) - CODE_ZERO) * scale
      target[targetAt + 16 + j] = ((pair >> 4) - CODE_ZERO) * scale
    }
    at += BLOCK_BYTES
    targetAt += BLOCK_WEIGHTS
  }
}
