// Where everything lies in linear memory. The first part is copied from the model file (docs/model-format.md) as it is;
// behind it come the word rows, then the activations of one forward pass. Everything is reused from pass to pass.

export const DIMENSIONS: i32 = 384
export const INTERMEDIATE: i32 = 1536
export const HEADS: i32 = 12
export const HEAD_WIDTH: i32 = 32
export const LAYERS: i32 = 6
export const MAX_TOKENS: i32 = 256
export const VOCABULARY: i32 = 30522

// Bytes of one row of float32: hidden state, queries + keys + values, intermediate layer.
export const HIDDEN_BYTES: usize = 384 * 4
export const QKV_BYTES: usize = 3 * HIDDEN_BYTES
export const INTERMEDIATE_BYTES: usize = 1536 * 4

// Attention reads whole blocks of 4 rows of queries and 8 of keys, so buffers of rows end with 8 rows that never count.
const PADDED_ROWS: usize = 256 + 8

// One linear layer: codes, then scale, column sum and bias per channel.
const NORM_BYTES: usize = 2 * HIDDEN_BYTES
const QKV_LAYER_BYTES: usize = 1152 * 384 + 3 * 1152 * 4
const OUTPUT_LAYER_BYTES: usize = 384 * 384 + 3 * 384 * 4
const EXPAND_LAYER_BYTES: usize = 1536 * 384 + 3 * 1536 * 4
const CONTRACT_LAYER_BYTES: usize = 384 * 1536 + 3 * 384 * 4

export const LAYERS_START: usize = 1024
export const POSITIONS: usize = LAYERS_START
export const EMBEDDING_NORM: usize = POSITIONS + 256 * HIDDEN_BYTES
export const FIRST_LAYER: usize = EMBEDDING_NORM + NORM_BYTES
// Offsets within a layer.
export const QKV: usize = 0
export const OUTPUT: usize = QKV + QKV_LAYER_BYTES
export const ATTENTION_NORM: usize = OUTPUT + OUTPUT_LAYER_BYTES
export const EXPAND: usize = ATTENTION_NORM + NORM_BYTES
export const CONTRACT: usize = EXPAND + EXPAND_LAYER_BYTES
export const FINAL_NORM: usize = CONTRACT + CONTRACT_LAYER_BYTES
export const LAYER_BYTES: usize = FINAL_NORM + NORM_BYTES
export const LAYERS_END: usize = FIRST_LAYER + LAYER_BYTES * 6

export const WORD_ROWS: usize = (LAYERS_END + 63) & ~63
export const WORD_SCALES: usize = WORD_ROWS + 30522 * 384
export const WORDS_END: usize = WORD_SCALES + 30522 * 4

export const IDS: usize = (WORDS_END + 63) & ~63
export const RESULT: usize = IDS + 256 * 4
export const HIDDEN: usize = RESULT + HIDDEN_BYTES
// Queries, keys and values of attention, or the intermediate layer: never both at once.
export const WIDE: usize = HIDDEN + PADDED_ROWS * HIDDEN_BYTES
export const CONTEXT: usize = WIDE + PADDED_ROWS * INTERMEDIATE_BYTES
// Quantised activations and their (scale, low) pairs.
export const CODES: usize = CONTEXT + PADDED_ROWS * HIDDEN_BYTES
export const CODE_SCALES: usize = CODES + PADDED_ROWS * 1536
// One head's keys, transposed, and 4 rows of scores.
export const KEYS: usize = CODE_SCALES + PADDED_ROWS * 8
export const SCORES: usize = KEYS + 32 * PADDED_ROWS * 4
export const END: usize = SCORES + 4 * PADDED_ROWS * 4
