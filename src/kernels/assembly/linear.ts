// Linear layers: int8 weights times 7-bit activations. Weights lie in panels of 16 output channels; the inner loop takes
// 8 inputs of two tokens against a whole panel and keeps 2 x 16 sums in registers, so nothing is summed across lanes.
import { gelu, multiplyAdd } from './simd'

// What happens to a sum of products once it is a float.
export const PLAIN: i32 = 0
export const WITH_GELU: i32 = 1
export const WITH_RESIDUAL: i32 = 2

/** The second factor of a product, prepared once for all weight vectors that it meets. */
@inline
function evens(x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return x
  return v128.and(x, i16x8.splat(0x00ff))
}

@inline
function odds(x: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return x
  return i16x8.shr_u(x, 8)
}

/**
 * Sums adjacent pairs of products of signed weights and unsigned 7-bit activations. The relaxed instruction takes the
 * signed factor first: with the operands the other way round the result would depend on the machine.
 */
@inline
function pairs(weights: v128, even: v128, odd: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_dot_i8x16_i7x16_s(weights, even)
  return i16x8.add(
    i16x8.mul(i16x8.shr_s(i16x8.shl(weights, 8), 8), even),
    i16x8.mul(i16x8.shr_s(weights, 8), odd),
  )
}

/** Adds 8 inputs' products to 4 channels' sums. Two pairs fit in 16 bits: 4 * 127 * 63 < 32768. */
@inline
function accumulate(sums: v128, w0: v128, e0: v128, o0: v128, w1: v128, e1: v128, o1: v128): v128 {
  return i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.add(pairs(w0, e0, o0), pairs(w1, e1, o1))))
}

/** Turns 4 sums into floats and stores them: scale * sum * token scale + low * column sum + bias, then what `mode` asks. */
@inline
function finish(sums: v128, scale: v128, columnSum: v128, bias: v128, codeScale: v128, low: v128, out: usize, mode: i32): void {
  let value = multiplyAdd(
    f32x4.mul(f32x4.convert_i32x4_s(sums), scale),
    codeScale,
    multiplyAdd(low, columnSum, bias),
  )
  if (mode == WITH_GELU) value = gelu(value)
  else if (mode == WITH_RESIDUAL) value = f32x4.add(value, v128.load(out))
  v128.store(out, value)
}

/**
 * out[row][channel] = activations * weights, for `rows` rows of `inputs` codes (a multiple of 8) and `channels` channels
 * (a multiple of 16). `codes`: rows x inputs, unsigned 7 bits; `codeScales`: (scale, low) per row; `layer`: codes, scale,
 * column sum and bias as in the model file; `out`: rows x channels float32, which also is the residual.
 */
export function linear(
  codes: usize,
  codeScales: usize,
  rows: i32,
  layer: usize,
  inputs: i32,
  channels: i32,
  out: usize,
  mode: i32,
): void {
  const panelBytes = <usize>inputs << 4
  const rowBytes = <usize>channels << 2
  const even = rows & ~1
  let panel = layer
  let scale = layer + <usize>inputs * channels
  let columnSum = scale + rowBytes
  let bias = columnSum + rowBytes
  for (let channel = 0; channel < channels; channel += 16) {
    let code = codes
    let codeScale = codeScales
    let target = out + (<usize>channel << 2)
    for (let row = 0; row < even; row += 2) {
      let a0 = i32x4.splat(0)
      let a1 = i32x4.splat(0)
      let a2 = i32x4.splat(0)
      let a3 = i32x4.splat(0)
      let b0 = i32x4.splat(0)
      let b1 = i32x4.splat(0)
      let b2 = i32x4.splat(0)
      let b3 = i32x4.splat(0)
      let w = panel
      let a = code
      let b = code + inputs
      const end = panel + panelBytes
      while (w < end) {
        const ax = v128.load32_splat(a)
        const ay = v128.load32_splat(a, 4)
        const bx = v128.load32_splat(b)
        const by = v128.load32_splat(b, 4)
        const axe = evens(ax)
        const axo = odds(ax)
        const aye = evens(ay)
        const ayo = odds(ay)
        const bxe = evens(bx)
        const bxo = odds(bx)
        const bye = evens(by)
        const byo = odds(by)
        let u = v128.load(w)
        let v = v128.load(w, 64)
        a0 = accumulate(a0, u, axe, axo, v, aye, ayo)
        b0 = accumulate(b0, u, bxe, bxo, v, bye, byo)
        u = v128.load(w, 16)
        v = v128.load(w, 80)
        a1 = accumulate(a1, u, axe, axo, v, aye, ayo)
        b1 = accumulate(b1, u, bxe, bxo, v, bye, byo)
        u = v128.load(w, 32)
        v = v128.load(w, 96)
        a2 = accumulate(a2, u, axe, axo, v, aye, ayo)
        b2 = accumulate(b2, u, bxe, bxo, v, bye, byo)
        u = v128.load(w, 48)
        v = v128.load(w, 112)
        a3 = accumulate(a3, u, axe, axo, v, aye, ayo)
        b3 = accumulate(b3, u, bxe, bxo, v, bye, byo)
        a += 8
        b += 8
        w += 128
      }
      const sa = v128.load32_splat(codeScale)
      const la = v128.load32_splat(codeScale, 4)
      const sb = v128.load32_splat(codeScale, 8)
      const lb = v128.load32_splat(codeScale, 12)
      finish(a0, v128.load(scale), v128.load(columnSum), v128.load(bias), sa, la, target, mode)
      finish(a1, v128.load(scale, 16), v128.load(columnSum, 16), v128.load(bias, 16), sa, la, target + 16, mode)
      finish(a2, v128.load(scale, 32), v128.load(columnSum, 32), v128.load(bias, 32), sa, la, target + 32, mode)
      finish(a3, v128.load(scale, 48), v128.load(columnSum, 48), v128.load(bias, 48), sa, la, target + 48, mode)
      const next = target + rowBytes
      finish(b0, v128.load(scale), v128.load(columnSum), v128.load(bias), sb, lb, next, mode)
      finish(b1, v128.load(scale, 16), v128.load(columnSum, 16), v128.load(bias, 16), sb, lb, next + 16, mode)
      finish(b2, v128.load(scale, 32), v128.load(columnSum, 32), v128.load(bias, 32), sb, lb, next + 32, mode)
      finish(b3, v128.load(scale, 48), v128.load(columnSum, 48), v128.load(bias, 48), sb, lb, next + 48, mode)
      code += <usize>inputs << 1
      codeScale += 16
      target += rowBytes << 1
    }
    if (even < rows) {
      let a0 = i32x4.splat(0)
      let a1 = i32x4.splat(0)
      let a2 = i32x4.splat(0)
      let a3 = i32x4.splat(0)
      let w = panel
      let a = code
      const end = panel + panelBytes
      while (w < end) {
        const ax = v128.load32_splat(a)
        const ay = v128.load32_splat(a, 4)
        const axe = evens(ax)
        const axo = odds(ax)
        const aye = evens(ay)
        const ayo = odds(ay)
        a0 = accumulate(a0, v128.load(w), axe, axo, v128.load(w, 64), aye, ayo)
        a1 = accumulate(a1, v128.load(w, 16), axe, axo, v128.load(w, 80), aye, ayo)
        a2 = accumulate(a2, v128.load(w, 32), axe, axo, v128.load(w, 96), aye, ayo)
        a3 = accumulate(a3, v128.load(w, 48), axe, axo, v128.load(w, 112), aye, ayo)
        a += 8
        w += 128
      }
      const sa = v128.load32_splat(codeScale)
      const la = v128.load32_splat(codeScale, 4)
      finish(a0, v128.load(scale), v128.load(columnSum), v128.load(bias), sa, la, target, mode)
      finish(a1, v128.load(scale, 16), v128.load(columnSum, 16), v128.load(bias, 16), sa, la, target + 16, mode)
      finish(a2, v128.load(scale, 32), v128.load(columnSum, 32), v128.load(bias, 32), sa, la, target + 32, mode)
      finish(a3, v128.load(scale, 48), v128.load(columnSum, 48), v128.load(bias, 48), sa, la, target + 48, mode)
    }
    panel += panelBytes
    scale += 64
    columnSum += 64
    bias += 64
  }
}
