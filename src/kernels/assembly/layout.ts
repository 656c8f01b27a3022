// Where everything lies in linear memory. The first part is filled by the host as the model file has it (docs/model-format.md);
// behind it come the activations of one forward pass, reused from pass to pass. Sizes depend on the model's layers and longest
// input, so addresses are set once by `arrange`.

export const DIMENSIONS: i32 = 384
export const HEADS: i32 = 12
export const HEAD_WIDTH: usize = 32
/** Most texts in one pass. */
export const MAX_TEXTS: i32 = 32

// Bytes of one row of float32: hidden state, queries + keys + values, intermediate layer.
export const HIDDEN_BYTES: usize = 384 * 4
export const QKV_BYTES: usize = 3 * HIDDEN_BYTES
export const INTERMEDIATE_BYTES: usize = 1536 * 4

// Attention reads whole blocks of 4 rows of queries and 8 of keys, so buffers of rows end with 8 rows that never count.
const PADDING_ROWS: usize = 8
/** Queries that attention in codes takes at once: their scores stay in the first cache. */
export const QUERY_ROWS: usize = 8

// One linear layer: codes, then scale, column sum and bias per channel.
const NORM_BYTES: usize = 2 * HIDDEN_BYTES
const QKV_LAYER_BYTES: usize = 1152 * 384 + 3 * 1152 * 4
const OUTPUT_LAYER_BYTES: usize = 384 * 384 + 3 * 384 * 4
const EXPAND_LAYER_BYTES: usize = 1536 * 384 + 3 * 1536 * 4
const CONTRACT_LAYER_BYTES: usize = 384 * 1536 + 3 * 384 * 4

// Offsets within a layer.
export const QKV: usize = 0
export const OUTPUT: usize = QKV + QKV_LAYER_BYTES
export const ATTENTION_NORM: usize = OUTPUT + OUTPUT_LAYER_BYTES
export const EXPAND: usize = ATTENTION_NORM + NORM_BYTES
export const CONTRACT: usize = EXPAND + EXPAND_LAYER_BYTES
export const FINAL_NORM: usize = CONTRACT + CONTRACT_LAYER_BYTES
export const LAYER_BYTES: usize = FINAL_NORM + NORM_BYTES

/** Positions come first. */
export const WEIGHTS: usize = 1024
export let EMBEDDING_NORM: usize = 0
export let FIRST_LAYER: usize = 0
export let LAYERS: i32 = 0
export let WEIGHTS_END: usize = 0

// Panels of a layer's linear layers.
export const QKV_PANELS: usize = 1152 / 16
export const OUTPUT_PANELS: usize = 384 / 16
export const EXPAND_PANELS: usize = 1536 / 16
export const CONTRACT_PANELS: usize = 384 / 16
export const PANELS: usize = QKV_PANELS + OUTPUT_PANELS + EXPAND_PANELS + CONTRACT_PANELS

/** One byte for each panel of the model: may its products be summed deeply? */
export let DEPTHS: usize = 0
/** Tokens of each text of a pass, u32. */
export let LENGTHS: usize = 0
/** One row of 384 for each text. */
export let RESULTS: usize = 0
export let HIDDEN: usize = 0
/** Queries, keys and values of attention, or the intermediate layer: never both at once. */
export let WIDE: usize = 0
export let CONTEXT: usize = 0
/** Quantised activations and their (scale, low) pairs. */
export let CODES: usize = 0
export let CODE_SCALES: usize = 0
/** Attention in float32: one head's keys, transposed, and 4 rows of scores. */
export let KEYS: usize = 0
export let SCORES: usize = 0
/** Attention in codes, in the same place: one head's keys and values as linear layers, the depths of their panels, and a block of queries, scores and weights. */
export let CODED_KEYS: usize = 0
export let CODED_VALUES: usize = 0
export let KEY_DEPTHS: usize = 0
export let VALUE_DEPTHS: usize = 0
export let QUERIES: usize = 0
export let CODED_SCORES: usize = 0
export let SHARES: usize = 0
export let SHARE_SCALES: usize = 0
export let END: usize = 0

/** Lays out the memory for a model of `layers` layers whose inputs have at most `tokens` tokens (a multiple of 8). */
export function arrange(layers: i32, tokens: i32): void {
  LAYERS = layers
  EMBEDDING_NORM = WEIGHTS + <usize>tokens * HIDDEN_BYTES
  FIRST_LAYER = EMBEDDING_NORM + NORM_BYTES
  WEIGHTS_END = FIRST_LAYER + LAYER_BYTES * <usize>layers
  const rows = <usize>tokens + PADDING_ROWS
  DEPTHS = (WEIGHTS_END + 63) & ~63
  LENGTHS = (DEPTHS + PANELS * <usize>layers + 63) & ~63
  RESULTS = LENGTHS + <usize>MAX_TEXTS * 4
  HIDDEN = RESULTS + <usize>MAX_TEXTS * HIDDEN_BYTES
  WIDE = HIDDEN + rows * HIDDEN_BYTES
  CONTEXT = WIDE + rows * INTERMEDIATE_BYTES
  CODES = CONTEXT + rows * HIDDEN_BYTES
  CODE_SCALES = CODES + rows * 1536
  const columns = (<usize>tokens + 15) & ~15
  KEYS = (CODE_SCALES + rows * 8 + 63) & ~63
  SCORES = KEYS + HEAD_WIDTH * rows * 4
  CODED_KEYS = KEYS
  CODED_VALUES = CODED_KEYS + columns * (HEAD_WIDTH + 12)
  KEY_DEPTHS = CODED_VALUES + (columns + 12) * HEAD_WIDTH
  VALUE_DEPTHS = KEY_DEPTHS + columns / 16
  QUERIES = (VALUE_DEPTHS + 2 + 63) & ~63
  CODED_SCORES = QUERIES + QUERY_ROWS * HEAD_WIDTH
  SHARES = CODED_SCORES + QUERY_ROWS * columns * 4
  SHARE_SCALES = SHARES + QUERY_ROWS * columns
  END = max(SCORES + 4 * rows * 4, SHARE_SCALES + QUERY_ROWS * 8)
}
