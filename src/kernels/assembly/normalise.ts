// LayerNorm and the quantisation of activations to 7 bits per token: code = round((x - low) / scale) in [0, 127].
import { DIMENSIONS, HIDDEN_BYTES } from './layout'
import { gelu, laneMax, laneMin, laneSum, largest, least, multiplyAdd } from './simd'

/** One row of `width` (a multiple of 16) float32 to codes, given its range; writes (scale, low). */
@inline
export function quantiseRow(x: usize, width: usize, low: f32, high: f32, codes: usize, codeScale: usize): void {
  const range = high - low
  store<f32>(codeScale, range * (1.0 / 127.0))
  store<f32>(codeScale, low, 4)
  const inverse = f32x4.splat(range > 0 ? 127.0 / range : 0)
  const lows = f32x4.splat(low)
  // 2^23 + code: rounding to a whole number leaves the code in the low bits of the float.
  const magic = f32x4.splat(8388608)
  const mask = i32x4.splat(0xff)
  const end = x + (width << 2)
  while (x < end) {
    const a = v128.and(multiplyAdd(f32x4.sub(v128.load(x), lows), inverse, magic), mask)
    const b = v128.and(multiplyAdd(f32x4.sub(v128.load(x, 16), lows), inverse, magic), mask)
    const c = v128.and(multiplyAdd(f32x4.sub(v128.load(x, 32), lows), inverse, magic), mask)
    const d = v128.and(multiplyAdd(f32x4.sub(v128.load(x, 48), lows), inverse, magic), mask)
    v128.store(codes, i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)))
    x += 64
    codes += 16
  }
}

/** Quantises `rows` rows of `width` float32. */
export function quantise(x: usize, rows: i32, width: i32, codes: usize, codeScales: usize): void {
  const rowBytes = <usize>width << 2
  for (let row = 0; row < rows; row++) {
    let low = v128.load(x)
    let high = low
    let low2 = low
    let high2 = low
    const end = x + rowBytes
    for (let p = x; p < end; p += 32) {
      const a = v128.load(p)
      const b = v128.load(p, 16)
      low = least(low, a)
      high = largest(high, a)
      low2 = least(low2, b)
      high2 = largest(high2, b)
    }
    quantiseRow(x, width, laneMin(f32x4.min(low, low2)), laneMax(f32x4.max(high, high2)), codes, codeScales)
    x = end
    codes += width
    codeScales += 8
  }
}

/** GELU of `rows` rows of `width` (a multiple of 16) float32 in place, and their quantisation. */
export function geluQuantise(x: usize, rows: i32, width: i32, codes: usize, codeScales: usize): void {
  const rowBytes = <usize>width << 2
  for (let row = 0; row < rows; row++) {
    let low = f32x4.splat(f32.MAX_VALUE)
    let high = f32x4.splat(-f32.MAX_VALUE)
    const end = x + rowBytes
    for (let p = x; p < end; p += 32) {
      const a = gelu(v128.load(p))
      const b = gelu(v128.load(p, 16))
      v128.store(p, a)
      v128.store(p, b, 16)
      low = least(low, least(a, b))
      high = largest(high, largest(a, b))
    }
    quantiseRow(x, width, laneMin(low), laneMax(high), codes, codeScales)
    x = end
    codes += width
    codeScales += 8
  }
}

/** LayerNorm over rows of 384 in place (gain, then bias, at `norm`), and quantises the result when `codes` is not 0. */
export function layerNorm(x: usize, rows: i32, norm: usize, codes: usize, codeScales: usize): void {
  const share: f32 = 1.0 / 384.0
  for (let row = 0; row < rows; row++) {
    let sum = f32x4.splat(0)
    let sum2 = sum
    const end = x + HIDDEN_BYTES
    for (let p = x; p < end; p += 32) {
      sum = f32x4.add(sum, v128.load(p))
      sum2 = f32x4.add(sum2, v128.load(p, 16))
    }
    const mean = f32x4.splat(laneSum(f32x4.add(sum, sum2)) * share)
    let squares = f32x4.splat(0)
    let squares2 = squares
    for (let p = x; p < end; p += 32) {
      const a = f32x4.sub(v128.load(p), mean)
      const b = f32x4.sub(v128.load(p, 16), mean)
      squares = multiplyAdd(a, a, squares)
      squares2 = multiplyAdd(b, b, squares2)
    }
    const variance = laneSum(f32x4.add(squares, squares2)) * share
    const inverse = f32x4.splat(<f32>1.0 / sqrt<f32>(variance + 1e-12))
    let low = f32x4.splat(f32.MAX_VALUE)
    let high = f32x4.splat(-f32.MAX_VALUE)
    let gain = norm
    for (let p = x; p < end; p += 16) {
      const scaled = f32x4.mul(f32x4.sub(v128.load(p), mean), inverse)
      const y = multiplyAdd(scaled, v128.load(gain), v128.load(gain, 1536))
      v128.store(p, y)
      low = least(low, y)
      high = largest(high, y)
      gain += 16
    }
    if (codes != 0) {
      quantiseRow(x, DIMENSIONS, laneMin(low), laneMax(high), codes, codeScales)
      codes += DIMENSIONS
      codeScales += 8
    }
    x = end
  }
}
