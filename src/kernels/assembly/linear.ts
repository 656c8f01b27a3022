// Linear layers: int8 weights times 7-bit activations. Weights lie in panels of 16 output channels; the inner loop takes
// 16 inputs of two tokens against a whole panel and keeps 2 x 16 sums in registers, so nothing is summed across lanes.
import { multiplyAdd, spread } from './simd'

// What happens to a sum of products once it is a float.
export const PLAIN: i32 = 0
export const WITH_RESIDUAL: i32 = 1

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

/** Products of 4 inputs with 4 channels, in pairs: 8 sums of 16 bits. */
@inline
function products(weights: v128, x: v128): v128 {
  return pairs(weights, evens(x), odds(x))
}

/**
 * Adds the products of 16 inputs, 4 in each of `x0` to `x3`, to 4 channels' sums. Two pairs always fit in 16 bits,
 * 4 * 127 * 63 < 32768; where `isDeep`, four are known to fit too, and half of the widening is saved.
 */
@inline
function accumulate(
  sums: v128,
  w0: v128,
  x0: v128,
  w1: v128,
  x1: v128,
  w2: v128,
  x2: v128,
  w3: v128,
  x3: v128,
  isDeep: bool,
): v128 {
  const a = i16x8.add(products(w0, x0), products(w1, x1))
  const b = i16x8.add(products(w2, x2), products(w3, x3))
  if (isDeep) return i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.add(a, b)))
  return i32x4.add(i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(a)), i32x4.extadd_pairwise_i16x8_s(b))
}

/** Most that weights of one sign may sum to in a 16-bit lane of `isDeep` products: 127 * 258 < 32768. */
const DEEP_LIMIT: i32 = 258

/**
 * Tells whether 16 inputs' products fit in 16 bits in every lane of a panel, whatever the activations: the weights of either
 * sign that share a lane sum to no more than the limit. Almost all panels of trained models are so.
 */
export function isDeepPanel(panel: usize, inputs: i32): bool {
  const zero = i8x16.splat(0)
  let most = i16x8.splat(0)
  const end = panel + (<usize>inputs << 4)
  for (let w = panel; w < end; w += 256) {
    for (let at = w; at < w + 64; at += 16) {
      let above = i16x8.splat(0)
      let below = above
      for (let part = at; part < at + 256; part += 64) {
        const weights = v128.load(part)
        above = i16x8.add(above, i16x8.extadd_pairwise_i8x16_s(i8x16.max_s(weights, zero)))
        below = i16x8.sub(below, i16x8.extadd_pairwise_i8x16_s(i8x16.min_s(weights, zero)))
      }
      most = i16x8.max_s(most, i16x8.max_s(above, below))
    }
  }
  return !v128.any_true(i16x8.gt_s(most, i16x8.splat(<i16>DEEP_LIMIT)))
}

/** Turns 4 sums into floats and stores them: scale * sum * token scale + low * column sum + bias, then what `mode` asks. */
@inline
function finish(sums: v128, scale: v128, columnSum: v128, bias: v128, codeScale: v128, low: v128, out: usize, mode: i32): void {
  let value = multiplyAdd(
    f32x4.mul(f32x4.convert_i32x4_s(sums), scale),
    codeScale,
    multiplyAdd(low, columnSum, bias),
  )
  if (mode == WITH_RESIDUAL) value = f32x4.add(value, v128.load(out))
  v128.store(out, value)
}

/** One panel against all rows; `scale`, `columnSum` and `bias` are those of its channels, `out` is the first row's. */
@inline
function multiply(
  codes: usize,
  codeScales: usize,
  rows: i32,
  panel: usize,
  inputs: usize,
  scale: usize,
  columnSum: usize,
  bias: usize,
  out: usize,
  rowBytes: usize,
  mode: i32,
  isDeep: bool,
): void {
  const end = panel + (inputs << 4)
  let code = codes
  let codeScale = codeScales
  let target = out
  for (let row = 1; row < rows; row += 2) {
    let a0 = i32x4.splat(0)
    let a1 = i32x4.splat(0)
    let a2 = i32x4.splat(0)
    let a3 = i32x4.splat(0)
    let b0 = i32x4.splat(0)
    let b1 = i32x4.splat(0)
    let b2 = i32x4.splat(0)
    let b3 = i32x4.splat(0)
    let a = code
    let b = code + inputs
    for (let w = panel; w < end; w += 256) {
      const ax = v128.load(a)
      const ax0 = spread(ax, 0)
      const ax1 = spread(ax, 1)
      const ax2 = spread(ax, 2)
      const ax3 = spread(ax, 3)
      const bx = v128.load(b)
      const bx0 = spread(bx, 0)
      const bx1 = spread(bx, 1)
      const bx2 = spread(bx, 2)
      const bx3 = spread(bx, 3)
      let w0 = v128.load(w)
      let w1 = v128.load(w, 64)
      let w2 = v128.load(w, 128)
      let w3 = v128.load(w, 192)
      a0 = accumulate(a0, w0, ax0, w1, ax1, w2, ax2, w3, ax3, isDeep)
      b0 = accumulate(b0, w0, bx0, w1, bx1, w2, bx2, w3, bx3, isDeep)
      w0 = v128.load(w, 16)
      w1 = v128.load(w, 80)
      w2 = v128.load(w, 144)
      w3 = v128.load(w, 208)
      a1 = accumulate(a1, w0, ax0, w1, ax1, w2, ax2, w3, ax3, isDeep)
      b1 = accumulate(b1, w0, bx0, w1, bx1, w2, bx2, w3, bx3, isDeep)
      w0 = v128.load(w, 32)
      w1 = v128.load(w, 96)
      w2 = v128.load(w, 160)
      w3 = v128.load(w, 224)
      a2 = accumulate(a2, w0, ax0, w1, ax1, w2, ax2, w3, ax3, isDeep)
      b2 = accumulate(b2, w0, bx0, w1, bx1, w2, bx2, w3, bx3, isDeep)
      w0 = v128.load(w, 48)
      w1 = v128.load(w, 112)
      w2 = v128.load(w, 176)
      w3 = v128.load(w, 240)
      a3 = accumulate(a3, w0, ax0, w1, ax1, w2, ax2, w3, ax3, isDeep)
      b3 = accumulate(b3, w0, bx0, w1, bx1, w2, bx2, w3, bx3, isDeep)
      a += 16
      b += 16
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
    code += inputs << 1
    codeScale += 16
    target = next + rowBytes
  }
  if ((rows & 1) == 0) return
  let a0 = i32x4.splat(0)
  let a1 = i32x4.splat(0)
  let a2 = i32x4.splat(0)
  let a3 = i32x4.splat(0)
  for (let w = panel; w < end; w += 256) {
    const x = v128.load(code)
    const x0 = spread(x, 0)
    const x1 = spread(x, 1)
    const x2 = spread(x, 2)
    const x3 = spread(x, 3)
    a0 = accumulate(a0, v128.load(w), x0, v128.load(w, 64), x1, v128.load(w, 128), x2, v128.load(w, 192), x3, isDeep)
    a1 = accumulate(a1, v128.load(w, 16), x0, v128.load(w, 80), x1, v128.load(w, 144), x2, v128.load(w, 208), x3, isDeep)
    a2 = accumulate(a2, v128.load(w, 32), x0, v128.load(w, 96), x1, v128.load(w, 160), x2, v128.load(w, 224), x3, isDeep)
    a3 = accumulate(a3, v128.load(w, 48), x0, v128.load(w, 112), x1, v128.load(w, 176), x2, v128.load(w, 240), x3, isDeep)
    code += 16
  }
  const sa = v128.load32_splat(codeScale)
  const la = v128.load32_splat(codeScale, 4)
  finish(a0, v128.load(scale), v128.load(columnSum), v128.load(bias), sa, la, target, mode)
  finish(a1, v128.load(scale, 16), v128.load(columnSum, 16), v128.load(bias, 16), sa, la, target + 16, mode)
  finish(a2, v128.load(scale, 32), v128.load(columnSum, 32), v128.load(bias, 32), sa, la, target + 32, mode)
  finish(a3, v128.load(scale, 48), v128.load(columnSum, 48), v128.load(bias, 48), sa, la, target + 48, mode)
}

/**
 * out[row][channel] = activations * weights, for `rows` rows of `inputs` codes and `channels` channels (both multiples of
 * 16). `codes`: rows x inputs, unsigned 7 bits; `codeScales`: (scale, low) per row; `layer`: codes, scale, column sum and
 * bias as in the model file; `depths`: one byte a panel, what `isDeepPanel` says; `out`: rows of `rowBytes`, the first
 * `channels` float32 of which are written, which also is the residual.
 */
export function linear(
  codes: usize,
  codeScales: usize,
  rows: i32,
  layer: usize,
  depths: usize,
  inputs: i32,
  channels: i32,
  out: usize,
  rowBytes: usize,
  mode: i32,
): void {
  const width = <usize>inputs
  const panelBytes = width << 4
  const channelBytes = <usize>channels << 2
  let panel = layer
  let scale = layer + width * channels
  for (let channel = 0; channel < channels; channel += 16) {
    const sum = scale + channelBytes
    const bias = sum + channelBytes
    if (load<u8>(depths)) multiply(codes, codeScales, rows, panel, width, scale, sum, bias, out, rowBytes, mode, true)
    else multiply(codes, codeScales, rows, panel, width, scale, sum, bias, out, rowBytes, mode, false)
    depths++
    panel += panelBytes
    scale += 64
    out += 64
  }
}

/** Looks at `channels / 16` panels and writes what `linear` wants to know of them. */
export function findDepths(layer: usize, depths: usize, inputs: i32, channels: i32): void {
  for (let panel = 0; panel < channels; panel += 16) {
    store<u8>(depths, isDeepPanel(layer + <usize>panel * inputs, inputs) ? 1 : 0)
    depths++
  }
}
