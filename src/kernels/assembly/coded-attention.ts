// Self-attention in whole numbers, one head after the other: a head's keys and values are quantised and laid out as the
// weights of two linear layers. Queries times keys are scores; a softmax makes 7-bit shares of them; shares times values are
// the context. Only the softmax is in float32. For long texts: what is laid out must be read often to be worth it.
import {
  CODED_KEYS,
  CODED_SCORES,
  CODED_VALUES,
  HEADS,
  HEAD_WIDTH,
  HIDDEN_BYTES,
  KEY_DEPTHS,
  QKV_BYTES,
  QUERIES,
  QUERY_ROWS,
  SHARES,
  SHARE_SCALES,
  VALUE_DEPTHS,
} from './layout'
import { findDepths, linear, PLAIN } from './linear'
import { quantiseRow } from './normalise'
import { laneMax, laneMin, largest, least, multiplyAdd, powerOfTwo } from './simd'

/** 2^23 * 1.5: adding it rounds to a whole number, whose low byte is the low byte of the float. */
const MAGIC: f32 = 12582912
/** Scores are powers of two rather than of e. */
const LOG2_E: f32 = 1.4426950408889634
/** log2(127): the largest share of a row is 127. */
const LOG2_127: f32 = 6.988684686772166

@inline
function roundSigned(x: v128, inverse: v128): v128 {
  return v128.and(multiplyAdd(x, inverse, f32x4.splat(MAGIC)), i32x4.splat(0xff))
}

/** 16 signed codes from 16 float32. */
@inline
function signedCodes(x: usize, i0: v128, i1: v128, i2: v128, i3: v128): v128 {
  return i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(roundSigned(v128.load(x), i0), roundSigned(v128.load(x, 16), i1)),
    i16x8.narrow_i32x4_s(roundSigned(v128.load(x, 32), i2), roundSigned(v128.load(x, 48), i3)),
  )
}

@inline
function rowAt(rows: usize, row: i32, tokens: i32): usize {
  // Beyond the text the last row again: its scores are masked, its values have no share.
  return rows + <usize>min(row, tokens - 1) * QKV_BYTES
}

/** Quantises one key of 32 to `codes`; its scale and the sum of what the codes stand for go to the layer. */
@inline
function quantiseKey(key: usize, codes: usize, scale: usize, columnSum: usize): void {
  let most = f32x4.abs(v128.load(key))
  for (let at: usize = 16; at < 128; at += 16) most = largest(most, f32x4.abs(v128.load(key + at)))
  const largestValue = laneMax(most)
  const inverse = f32x4.splat(largestValue > 0 ? 63.0 / largestValue : 0)
  const a = signedCodes(key, inverse, inverse, inverse, inverse)
  const b = signedCodes(key + 64, inverse, inverse, inverse, inverse)
  v128.store(codes, a)
  v128.store(codes, b, 16)
  const pairs = i16x8.add(i16x8.extadd_pairwise_i8x16_s(a), i16x8.extadd_pairwise_i8x16_s(b))
  const sums = i32x4.extadd_pairwise_i16x8_s(pairs)
  const sum =
    i32x4.extract_lane(sums, 0) +
    i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) +
    i32x4.extract_lane(sums, 3)
  const step = largestValue * <f32>(LOG2_E / 63.0)
  store<f32>(scale, step)
  store<f32>(columnSum, step * <f32>sum)
}

/** One head's keys as a layer of 32 inputs and `columns` channels; those beyond the text score -1e30. */
function packKeys(keys: usize, tokens: i32, columns: i32): void {
  const width = <usize>columns << 2
  let scale = CODED_KEYS + <usize>columns * HEAD_WIDTH
  let panel = CODED_KEYS
  for (let column = 0; column < columns; column += 16) {
    for (let part = 0; part < 16; part += 4) {
      for (let i = 0; i < 4; i++) {
        quantiseKey(rowAt(keys, column + part + i, tokens), CODED_SCORES + (<usize>i << 5), scale, scale + width)
        store<f32>(scale + width * 2, column + part + i < tokens ? 0 : -1e30)
        scale += 4
      }
      // 4 keys x 32 inputs in groups of 4 inputs: a transposition of 32-bit units.
      let to = panel + (<usize>part << 2)
      for (let half: usize = 0; half < 32; half += 16) {
        const a = v128.load(CODED_SCORES + half)
        const b = v128.load(CODED_SCORES + half, 32)
        const c = v128.load(CODED_SCORES + half, 64)
        const d = v128.load(CODED_SCORES + half, 96)
        const ab = i32x4.shuffle(a, b, 0, 4, 1, 5)
        const cd = i32x4.shuffle(c, d, 0, 4, 1, 5)
        const ab2 = i32x4.shuffle(a, b, 2, 6, 3, 7)
        const cd2 = i32x4.shuffle(c, d, 2, 6, 3, 7)
        v128.store(to, i64x2.shuffle(ab, cd, 0, 2))
        v128.store(to, i64x2.shuffle(ab, cd, 1, 3), 64)
        v128.store(to, i64x2.shuffle(ab2, cd2, 0, 2), 128)
        v128.store(to, i64x2.shuffle(ab2, cd2, 1, 3), 192)
        to += 256
      }
    }
    panel += 512
  }
  findDepths(CODED_KEYS, KEY_DEPTHS, <i32>HEAD_WIDTH, columns)
}

/** Half a head's values (16 channels) as one panel of `columns` inputs; writes the channels' scales. */
function packValues(values: usize, tokens: i32, columns: i32, panel: usize, scale: usize): void {
  let m0 = f32x4.splat(0)
  let m1 = m0
  let m2 = m0
  let m3 = m0
  const end = values + <usize>tokens * QKV_BYTES
  for (let row = values; row < end; row += QKV_BYTES) {
    m0 = largest(m0, f32x4.abs(v128.load(row)))
    m1 = largest(m1, f32x4.abs(v128.load(row, 16)))
    m2 = largest(m2, f32x4.abs(v128.load(row, 32)))
    m3 = largest(m3, f32x4.abs(v128.load(row, 48)))
  }
  const share = f32x4.splat(1.0 / 63.0)
  v128.store(scale, f32x4.mul(m0, share))
  v128.store(scale, f32x4.mul(m1, share), 16)
  v128.store(scale, f32x4.mul(m2, share), 32)
  v128.store(scale, f32x4.mul(m3, share), 48)
  const least = f32x4.splat(1e-30)
  const most = f32x4.splat(63)
  m0 = f32x4.div(most, f32x4.max(m0, least))
  m1 = f32x4.div(most, f32x4.max(m1, least))
  m2 = f32x4.div(most, f32x4.max(m2, least))
  m3 = f32x4.div(most, f32x4.max(m3, least))
  for (let column = 0; column < columns; column += 4) {
    const a = signedCodes(rowAt(values, column, tokens), m0, m1, m2, m3)
    const b = signedCodes(rowAt(values, column + 1, tokens), m0, m1, m2, m3)
    const c = signedCodes(rowAt(values, column + 2, tokens), m0, m1, m2, m3)
    const d = signedCodes(rowAt(values, column + 3, tokens), m0, m1, m2, m3)
    // 4 inputs x 16 channels to channels of 4 inputs each.
    const ab = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
    const cd = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
    const ab2 = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    const cd2 = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
    v128.store(panel, i16x8.shuffle(ab, cd, 0, 8, 1, 9, 2, 10, 3, 11))
    v128.store(panel, i16x8.shuffle(ab, cd, 4, 12, 5, 13, 6, 14, 7, 15), 16)
    v128.store(panel, i16x8.shuffle(ab2, cd2, 0, 8, 1, 9, 2, 10, 3, 11), 32)
    v128.store(panel, i16x8.shuffle(ab2, cd2, 4, 12, 5, 13, 6, 14, 7, 15), 48)
    panel += 64
  }
}

/** 7-bit queries of `rows` rows and their (scale, low). */
function quantiseQueries(query: usize, rows: i32): void {
  let codes = QUERIES
  let scales = SHARE_SCALES
  for (let row = 0; row < rows; row++) {
    let low = v128.load(query)
    let high = low
    for (let at: usize = 16; at < 128; at += 16) {
      low = least(low, v128.load(query + at))
      high = largest(high, v128.load(query + at))
    }
    quantiseRow(query, HEAD_WIDTH, laneMin(low), laneMax(high), codes, scales)
    query += QKV_BYTES
    codes += HEAD_WIDTH
    scales += 8
  }
}

@inline
function share(score: v128, shift: v128): v128 {
  const power = powerOfTwo(f32x4.add(score, shift))
  return v128.and(f32x4.add(power, f32x4.splat(MAGIC)), i32x4.splat(0xff))
}

/** Shares of `rows` rows of scores: 127 for a row's largest; (1 / their sum, 0) is a row's scale. */
function softmax(rows: i32, columns: i32): void {
  let p = CODED_SCORES
  let codes = SHARES
  let scales = SHARE_SCALES
  const rowBytes = <usize>columns << 2
  for (let row = 0; row < rows; row++) {
    const end = p + rowBytes
    let high = v128.load(p)
    let high2 = high
    for (let q = p; q < end; q += 32) {
      high = largest(high, v128.load(q))
      high2 = largest(high2, v128.load(q, 16))
    }
    const shift = f32x4.splat(LOG2_127 - laneMax(largest(high, high2)))
    let sums = i32x4.splat(0)
    for (; p < end; p += 64) {
      const low = i16x8.narrow_i32x4_s(share(v128.load(p), shift), share(v128.load(p, 16), shift))
      const high = i16x8.narrow_i32x4_s(share(v128.load(p, 32), shift), share(v128.load(p, 48), shift))
      v128.store(codes, i8x16.narrow_i16x8_u(low, high))
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.add(low, high)))
      codes += 16
    }
    const sum =
      i32x4.extract_lane(sums, 0) +
      i32x4.extract_lane(sums, 1) +
      i32x4.extract_lane(sums, 2) +
      i32x4.extract_lane(sums, 3)
    store<f32>(scales, <f32>1.0 / <f32>sum)
    store<f32>(scales, 0, 4)
    scales += 8
  }
}

/** `qkv`: rows of queries (already divided by the root of the head's width), keys, values, 384 each; `out`: rows of 384. */
export function codedAttention(qkv: usize, tokens: i32, out: usize): void {
  const columns = (tokens + 15) & ~15
  // The values' layer is laid out for this text: its scales follow its codes; column sums and biases are 0.
  const valueScales = CODED_VALUES + <usize>columns * HEAD_WIDTH
  memory.fill(valueScales + HEAD_WIDTH * 4, 0, HEAD_WIDTH * 8)
  for (let head = 0; head < HEADS; head++) {
    const queries = qkv + (<usize>head << 7)
    const values = queries + HIDDEN_BYTES * 2
    packKeys(queries + HIDDEN_BYTES, tokens, columns)
    packValues(values, tokens, columns, CODED_VALUES, valueScales)
    packValues(values + 64, tokens, columns, CODED_VALUES + (<usize>columns << 4), valueScales + 64)
    findDepths(CODED_VALUES, VALUE_DEPTHS, columns, <i32>HEAD_WIDTH)
    for (let row = 0; row < tokens; row += <i32>QUERY_ROWS) {
      const rows = min(tokens - row, <i32>QUERY_ROWS)
      quantiseQueries(queries + <usize>row * QKV_BYTES, rows)
      linear(QUERIES, SHARE_SCALES, rows, CODED_KEYS, KEY_DEPTHS, <i32>HEAD_WIDTH, columns, CODED_SCORES, <usize>columns << 2, PLAIN)
      softmax(rows, columns)
      const to = out + <usize>row * HIDDEN_BYTES + (<usize>head << 7)
      linear(SHARES, SHARE_SCALES, rows, CODED_VALUES, VALUE_DEPTHS, columns, <i32>HEAD_WIDTH, to, HIDDEN_BYTES, PLAIN)
    }
  }
}
