// The forward pass of a BERT encoder (Devlin et al. 2019; MiniLM, Wang et al. 2020) over the tokens of one or several texts,
// and its parts for tests. Synchronous and not re-entrant: one pass at a time uses the activations' memory.
import { attention as attend } from './attention'
import { codedAttention as attendInCodes } from './coded-attention'
import * as at from './layout'
import { findDepths, isDeepPanel, linear as apply, PLAIN, WITH_RESIDUAL } from './linear'
import { geluQuantise as geluToCodes, layerNorm as norm, quantise as toCodes } from './normalise'
import { laneSum, multiplyAdd } from './simd'

/** Tokens of a text from which on its attention is in codes: that saves little below, and costs some precision. */
const CODED_FROM: i32 = 96

export function weights(): usize {
  return at.WEIGHTS
}
export function weightBytes(): usize {
  return at.WEIGHTS_END - at.WEIGHTS
}
export function rows(): usize {
  return at.HIDDEN
}
export function lengths(): usize {
  return at.LENGTHS
}
export function results(): usize {
  return at.RESULTS
}
export function maxTexts(): i32 {
  return at.MAX_TEXTS
}
export function end(): usize {
  return at.END
}

/** Lays the memory out and grows it to what that needs: `layers` layers, passes of at most `tokens` (a multiple of 8). */
export function initialise(layers: i32, tokens: i32): void {
  at.arrange(layers, tokens)
  const pages = <i32>((at.END + 65535) >> 16)
  if (memory.size() < pages) memory.grow(pages - memory.size())
}

/** Looks at the weights once, when all of them are in their place. */
export function prepare(): void {
  let layer = at.FIRST_LAYER
  let depths = at.DEPTHS
  for (let i = 0; i < at.LAYERS; i++) {
    findDepths(layer + at.QKV, depths, 384, 1152)
    depths += at.QKV_PANELS
    findDepths(layer + at.OUTPUT, depths, 384, 384)
    depths += at.OUTPUT_PANELS
    findDepths(layer + at.EXPAND, depths, 384, 1536)
    depths += at.EXPAND_PANELS
    findDepths(layer + at.CONTRACT, depths, 1536, 384)
    depths += at.CONTRACT_PANELS
    layer += at.LAYER_BYTES
  }
}

/** Adds the rows of the first `tokens` positions to the word rows of one text. */
function addPositions(row: usize, tokens: i32): void {
  let position = at.WEIGHTS
  const last = row + <usize>tokens * at.HIDDEN_BYTES
  while (row < last) {
    v128.store(row, f32x4.add(v128.load(row), v128.load(position)))
    row += 16
    position += 16
  }
}

/** Sum over `tokens` rows of 384, scaled to length 1: mean pooling and normalisation in one. */
export function pool(rows: usize, tokens: i32, out: usize): void {
  let squares = f32x4.splat(0)
  for (let d: usize = 0; d < at.HIDDEN_BYTES; d += 16) {
    let sum = f32x4.splat(0)
    const last = rows + d + <usize>tokens * at.HIDDEN_BYTES
    for (let p = rows + d; p < last; p += at.HIDDEN_BYTES) sum = f32x4.add(sum, v128.load(p))
    v128.store(out + d, sum)
    squares = multiplyAdd(sum, sum, squares)
  }
  const inverse = f32x4.splat(<f32>1.0 / sqrt<f32>(laneSum(squares)))
  for (let d: usize = 0; d < at.HIDDEN_BYTES; d += 16) v128.store(out + d, f32x4.mul(v128.load(out + d), inverse))
}

function lengthOf(text: i32): i32 {
  return load<i32>(at.LENGTHS + (<usize>text << 2))
}

/**
 * Encodes `texts` texts (1 to `maxTexts()`), whose tokens are counted at `lengths()` and whose word rows lie one after the
 * other at `rows()`, into unit vectors at `results()`. Linear layers see the rows of all texts at once; attention stays
 * within a text.
 */
export function encode(texts: i32): void {
  let tokens = 0
  for (let text = 0; text < texts; text++) {
    addPositions(at.HIDDEN + <usize>tokens * at.HIDDEN_BYTES, lengthOf(text))
    tokens += lengthOf(text)
  }
  norm(at.HIDDEN, tokens, at.EMBEDDING_NORM, at.CODES, at.CODE_SCALES)
  let layer = at.FIRST_LAYER
  let depths = at.DEPTHS
  for (let i = 0; i < at.LAYERS; i++) {
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.QKV, depths, 384, 1152, at.WIDE, at.QKV_BYTES, PLAIN)
    depths += at.QKV_PANELS
    // In order: a text's attention may write up to 3 rows too many, which the next text's then sets right.
    let first: usize = 0
    for (let text = 0; text < texts; text++) {
      const qkv = at.WIDE + first * at.QKV_BYTES
      const context = at.CONTEXT + first * at.HIDDEN_BYTES
      if (lengthOf(text) < CODED_FROM) attend(qkv, lengthOf(text), context)
      else attendInCodes(qkv, lengthOf(text), context)
      first += lengthOf(text)
    }
    toCodes(at.CONTEXT, tokens, 384, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.OUTPUT, depths, 384, 384, at.HIDDEN, at.HIDDEN_BYTES, WITH_RESIDUAL)
    depths += at.OUTPUT_PANELS
    norm(at.HIDDEN, tokens, layer + at.ATTENTION_NORM, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.EXPAND, depths, 384, 1536, at.WIDE, at.INTERMEDIATE_BYTES, PLAIN)
    depths += at.EXPAND_PANELS
    geluToCodes(at.WIDE, tokens, 1536, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.CONTRACT, depths, 1536, 384, at.HIDDEN, at.HIDDEN_BYTES, WITH_RESIDUAL)
    depths += at.CONTRACT_PANELS
    const last = i + 1 == at.LAYERS
    norm(at.HIDDEN, tokens, layer + at.FINAL_NORM, last ? 0 : at.CODES, at.CODE_SCALES)
    layer += at.LAYER_BYTES
  }
  let row = at.HIDDEN
  for (let text = 0; text < texts; text++) {
    pool(row, lengthOf(text), at.RESULTS + <usize>text * at.HIDDEN_BYTES)
    row += <usize>lengthOf(text) * at.HIDDEN_BYTES
  }
}

// The parts, at addresses of the caller's choice. Tests compare each with its scalar twin.
export {
  attend as attention,
  attendInCodes as codedAttention,
  geluToCodes as geluQuantise,
  isDeepPanel,
  apply as linear,
  norm as layerNorm,
  toCodes as quantise,
}
