// The forward pass of a BERT encoder with 6 layers (Devlin et al. 2019; MiniLM, Wang et al. 2020), and its parts for tests.
// Synchronous and not re-entrant: one pass at a time uses the activations' memory.
import { attention as attend } from './attention'
import * as at from './layout'
import { linear as apply, PLAIN, WITH_GELU, WITH_RESIDUAL } from './linear'
import { layerNorm as norm, quantise as toCodes } from './normalise'
import { laneSum, multiplyAdd } from './simd'

export function layersStart(): usize {
  return at.LAYERS_START
}
export function layersBytes(): usize {
  return at.LAYERS_END - at.LAYERS_START
}
export function wordsStart(): usize {
  return at.WORD_ROWS
}
export function wordsBytes(): usize {
  return at.WORD_SCALES - at.WORD_ROWS
}
export function scalesStart(): usize {
  return at.WORD_SCALES
}
export function scalesBytes(): usize {
  return at.WORDS_END - at.WORD_SCALES
}
export function ids(): usize {
  return at.IDS
}
export function result(): usize {
  return at.RESULT
}
export function end(): usize {
  return at.END
}

/** Grows the memory to what the layout needs. */
export function initialise(): void {
  const pages = <i32>((at.END + 65535) >> 16)
  if (memory.size() < pages) memory.grow(pages - memory.size())
}

/** Word row * its scale + position, for each id. */
function lookUp(tokens: i32): void {
  let position = at.POSITIONS
  let out = at.HIDDEN
  for (let token = 0; token < tokens; token++) {
    const id = <usize>load<u32>(at.IDS + (<usize>token << 2))
    const scale = v128.load32_splat(at.WORD_SCALES + (id << 2))
    let row = at.WORD_ROWS + id * at.DIMENSIONS
    const rowEnd = row + at.DIMENSIONS
    while (row < rowEnd) {
      const codes = v128.load8x8_s(row)
      const a = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes))
      const b = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(codes))
      v128.store(out, multiplyAdd(a, scale, v128.load(position)))
      v128.store(out, multiplyAdd(b, scale, v128.load(position, 16)), 16)
      row += 8
      position += 32
      out += 32
    }
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

/** Encodes the `tokens` ids at `ids()` (1 to 256, each below the vocabulary's size) into a unit vector at `result()`. */
export function encode(tokens: i32): void {
  lookUp(tokens)
  norm(at.HIDDEN, tokens, at.EMBEDDING_NORM, at.CODES, at.CODE_SCALES)
  let layer = at.FIRST_LAYER
  for (let i = 0; i < at.LAYERS; i++) {
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.QKV, 384, 1152, at.WIDE, PLAIN)
    attend(at.WIDE, tokens, at.CONTEXT)
    toCodes(at.CONTEXT, tokens, 384, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.OUTPUT, 384, 384, at.HIDDEN, WITH_RESIDUAL)
    norm(at.HIDDEN, tokens, layer + at.ATTENTION_NORM, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.EXPAND, 384, 1536, at.WIDE, WITH_GELU)
    toCodes(at.WIDE, tokens, 1536, at.CODES, at.CODE_SCALES)
    apply(at.CODES, at.CODE_SCALES, tokens, layer + at.CONTRACT, 1536, 384, at.HIDDEN, WITH_RESIDUAL)
    const last = i + 1 == at.LAYERS
    norm(at.HIDDEN, tokens, layer + at.FINAL_NORM, last ? 0 : at.CODES, at.CODE_SCALES)
    layer += at.LAYER_BYTES
  }
  pool(at.HIDDEN, tokens, at.RESULT)
}

// The parts, at addresses of the caller's choice. Tests compare each with its scalar twin.
export { attend as attention, apply as linear, norm as layerNorm, toCodes as quantise }
