// Self-attention in float32, one head after the other, four queries at a time: scores against the transposed keys, softmax,
// weighted sum of the values. Scores of rows beyond the text are set to -1e30, so that their weights are 0.
import { HEAD_WIDTH, HEADS, HIDDEN_BYTES, KEYS, QKV_BYTES, SCORES } from './layout'
import { expNegative, laneMax, laneSum, largest, multiplyAdd, spread } from './simd'

/** Transposes one head's keys into `KEYS`: 32 rows of `columns` float32 each. */
function transposeKeys(keys: usize, columns: i32, stride: usize): void {
  for (let column = 0; column < columns; column += 4) {
    const source = keys + <usize>column * QKV_BYTES
    for (let d: usize = 0; d < 32; d += 4) {
      const at = source + (d << 2)
      const a = v128.load(at)
      const b = v128.load(at + QKV_BYTES)
      const c = v128.load(at + QKV_BYTES * 2)
      const e = v128.load(at + QKV_BYTES * 3)
      const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
      const ce = i32x4.shuffle(c, e, 0, 4, 1, 5)
      const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7)
      const ce2 = i32x4.shuffle(c, e, 2, 6, 3, 7)
      const to = KEYS + d * stride + (<usize>column << 2)
      v128.store(to, i64x2.shuffle(ab, ce, 0, 2))
      v128.store(to + stride, i64x2.shuffle(ab, ce, 1, 3))
      v128.store(to + stride * 2, i64x2.shuffle(ab2, ce2, 0, 2))
      v128.store(to + stride * 3, i64x2.shuffle(ab2, ce2, 1, 3))
    }
  }
}

/** Scores of 4 queries against all keys, 8 columns at a time. */
function score(query: usize, columns: i32, stride: usize): void {
  for (let column = 0; column < columns; column += 8) {
    let a0 = f32x4.splat(0)
    let a1 = a0
    let b0 = a0
    let b1 = a0
    let c0 = a0
    let c1 = a0
    let d0 = a0
    let d1 = a0
    let key = KEYS + (<usize>column << 2)
    const end = query + HEAD_WIDTH * 4
    for (let q = query; q < end; q += 16) {
      const a = v128.load(q)
      const b = v128.load(q, 4608)
      const c = v128.load(q, 9216)
      const d = v128.load(q, 13824)
      let x = v128.load(key)
      let y = v128.load(key, 16)
      let s = spread(a, 0)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 0)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 0)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 0)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      key += stride
      x = v128.load(key)
      y = v128.load(key, 16)
      s = spread(a, 1)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 1)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 1)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 1)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      key += stride
      x = v128.load(key)
      y = v128.load(key, 16)
      s = spread(a, 2)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 2)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 2)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 2)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      key += stride
      x = v128.load(key)
      y = v128.load(key, 16)
      s = spread(a, 3)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 3)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 3)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 3)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      key += stride
    }
    const to = SCORES + (<usize>column << 2)
    v128.store(to, a0)
    v128.store(to, a1, 16)
    v128.store(to + stride, b0)
    v128.store(to + stride, b1, 16)
    v128.store(to + stride * 2, c0)
    v128.store(to + stride * 2, c1, 16)
    v128.store(to + stride * 3, d0)
    v128.store(to + stride * 3, d1, 16)
  }
}

/** Replaces a row of scores by exp(score - maximum) and returns 1 / their sum. Columns beyond `tokens` become 0. */
function softmax(row: usize, tokens: i32, stride: usize): f32 {
  const end = row + stride
  for (let p = row + (<usize>tokens << 2); p < end; p += 4) store<f32>(p, -1e30)
  let high = v128.load(row)
  let high2 = high
  for (let p = row; p < end; p += 32) {
    high = largest(high, v128.load(p))
    high2 = largest(high2, v128.load(p, 16))
  }
  const maximum = f32x4.splat(laneMax(f32x4.max(high, high2)))
  let sum = f32x4.splat(0)
  let sum2 = sum
  for (let p = row; p < end; p += 32) {
    const a = expNegative(f32x4.sub(v128.load(p), maximum))
    const b = expNegative(f32x4.sub(v128.load(p, 16), maximum))
    v128.store(p, a)
    v128.store(p, b, 16)
    sum = f32x4.add(sum, a)
    sum2 = f32x4.add(sum2, b)
  }
  return <f32>1.0 / laneSum(f32x4.add(sum, sum2))
}

/** Context of 4 queries from their weights, 8 of the head's 32 values at a time. */
function mix(values: usize, tokens: i32, stride: usize, out: usize, ia: f32, ib: f32, ic: f32, id: f32): void {
  const end = SCORES + (<usize>tokens << 2)
  const whole = SCORES + (<usize>(tokens & ~3) << 2)
  for (let part = 0; part < 4; part++) {
    let a0 = f32x4.splat(0)
    let a1 = a0
    let b0 = a0
    let b1 = a0
    let c0 = a0
    let c1 = a0
    let d0 = a0
    let d1 = a0
    let value = values
    let p = SCORES
    for (; p < whole; p += 16) {
      const a = v128.load(p)
      const b = v128.load(p + stride)
      const c = v128.load(p + stride * 2)
      const d = v128.load(p + stride * 3)
      let x = v128.load(value)
      let y = v128.load(value, 16)
      let s = spread(a, 0)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 0)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 0)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 0)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      x = v128.load(value, 4608)
      y = v128.load(value, 4624)
      s = spread(a, 1)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 1)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 1)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 1)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      x = v128.load(value, 9216)
      y = v128.load(value, 9232)
      s = spread(a, 2)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 2)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 2)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 2)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      x = v128.load(value, 13824)
      y = v128.load(value, 13840)
      s = spread(a, 3)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = spread(b, 3)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = spread(c, 3)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = spread(d, 3)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      value += QKV_BYTES * 4
    }
    for (; p < end; p += 4) {
      const x = v128.load(value)
      const y = v128.load(value, 16)
      let s = v128.load32_splat(p)
      a0 = multiplyAdd(s, x, a0)
      a1 = multiplyAdd(s, y, a1)
      s = v128.load32_splat(p + stride)
      b0 = multiplyAdd(s, x, b0)
      b1 = multiplyAdd(s, y, b1)
      s = v128.load32_splat(p + stride * 2)
      c0 = multiplyAdd(s, x, c0)
      c1 = multiplyAdd(s, y, c1)
      s = v128.load32_splat(p + stride * 3)
      d0 = multiplyAdd(s, x, d0)
      d1 = multiplyAdd(s, y, d1)
      value += QKV_BYTES
    }
    let share = f32x4.splat(ia)
    v128.store(out, f32x4.mul(a0, share))
    v128.store(out, f32x4.mul(a1, share), 16)
    share = f32x4.splat(ib)
    v128.store(out, f32x4.mul(b0, share), 1536)
    v128.store(out, f32x4.mul(b1, share), 1552)
    share = f32x4.splat(ic)
    v128.store(out, f32x4.mul(c0, share), 3072)
    v128.store(out, f32x4.mul(c1, share), 3088)
    share = f32x4.splat(id)
    v128.store(out, f32x4.mul(d0, share), 4608)
    v128.store(out, f32x4.mul(d1, share), 4624)
    values += 32
    out += 32
  }
}

/**
 * `qkv`: rows of queries (already divided by the root of the head's width), keys, values, 384 each; `out`: rows of 384.
 * Both must have room for `tokens` rounded up to 8 rows; the rows beyond `tokens` are read and written but never count.
 */
export function attention(qkv: usize, tokens: i32, out: usize): void {
  const columns = (tokens + 7) & ~7
  const stride = <usize>columns << 2
  for (let head = 0; head < HEADS; head++) {
    const queries = qkv + (<usize>head << 7)
    transposeKeys(queries + HIDDEN_BYTES, columns, stride)
    for (let row = 0; row < tokens; row += 4) {
      score(queries + <usize>row * QKV_BYTES, columns, stride)
      const ia = softmax(SCORES, tokens, stride)
      const ib = softmax(SCORES + stride, tokens, stride)
      const ic = softmax(SCORES + stride * 2, tokens, stride)
      const id = softmax(SCORES + stride * 3, tokens, stride)
      const to = out + <usize>row * HIDDEN_BYTES + (<usize>head << 7)
      mix(queries + HIDDEN_BYTES * 2, tokens, stride, to, ia, ib, ic, id)
    }
  }
}
