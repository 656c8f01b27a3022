/**
 * The forward pass of the `edge` encoders (BERT of width 384) in WebAssembly SIMD, written in AssemblyScript under
 * `assembly/`. This wrapper receives compiled modules, because importing `.wasm` works only inside the Worker. Its oracle is
 * `encoder-scalar.ts`.
 */
import { invariant } from '../core/invariant.ts'

/** Length of a result, and of one word row. */
export const ENCODER_DIMENSIONS = 384
/** What every model of the kernel has; the number of layers and the longest input are the model's own. */
export const ENCODER_HEADS = 12
export const ENCODER_INTERMEDIATE = 1_536

interface EncoderExports {
  readonly memory: WebAssembly.Memory
  initialise(layers: number, tokens: number): void
  prepare(): void
  weights(): number
  weightBytes(): number
  rows(): number
  lengths(): number
  results(): number
  maxTexts(): number
  encode(texts: number): void
}

export interface EncoderShape {
  readonly layerCount: number
  /** Longest input in tokens, special tokens included, and most tokens of one call; a multiple of 8. */
  readonly maxTokens: number
  /**
   * The section `layers` of docs/model-format.md, cut anywhere. Left out by who fills `weights` itself, part by part.
   */
  readonly layers?: readonly Uint8Array[]
}

/**
 * One encoder with its weights in its own linear memory; the words' rows stay with the caller. `encode` is synchronous and
 * uses that memory as scratch, so calls never overlap; results are copies.
 */
export class EncoderKernel {
  readonly maxTokens: number
  /** Texts of one call at most. */
  readonly maxTexts: number
  /** Where the weights belong, in the layout of docs/model-format.md; not to be changed after the first call. */
  readonly weights: Uint8Array
  readonly #exports: EncoderExports
  readonly #rows: Float32Array
  readonly #lengths: Uint32Array
  readonly #results: Float32Array
  #isPrepared = false

  constructor(module: WebAssembly.Module, shape: EncoderShape) {
    const { layerCount, maxTokens, layers } = shape
    invariant(maxTokens > 0 && maxTokens % 8 === 0, 'the longest input is a multiple of 8 tokens')
    const kernel = new WebAssembly.Instance(module).exports as unknown as EncoderExports
    kernel.initialise(layerCount, maxTokens)
    const { buffer } = kernel.memory
    this.#exports = kernel
    this.maxTokens = maxTokens
    this.maxTexts = kernel.maxTexts()
    this.weights = new Uint8Array(buffer, kernel.weights(), kernel.weightBytes())
    this.#rows = new Float32Array(buffer, kernel.rows(), maxTokens * ENCODER_DIMENSIONS)
    this.#lengths = new Uint32Array(buffer, kernel.lengths(), this.maxTexts)
    this.#results = new Float32Array(buffer, kernel.results(), this.maxTexts * ENCODER_DIMENSIONS)
    if (layers !== undefined) this.#place(layers)
  }

  #place(layers: readonly Uint8Array[]): void {
    const bytes = layers.reduce((sum, part) => sum + part.byteLength, 0)
    const wanted = this.weights.byteLength
    invariant(bytes === wanted, `layers have ${bytes} bytes, the kernel wants ${wanted}`)
    let at = 0
    for (const part of layers) {
      this.weights.set(part, at)
      at += part.byteLength
    }
  }

  /** Bytes of linear memory: weights and activations. */
  get bytes(): number {
    return this.#exports.memory.buffer.byteLength
  }

  /**
   * Encodes texts of `lengths` tokens into new unit vectors of 384 values. `writeRows` gets float32, all tokens × 384, and
   * fills it with the tokens' word rows, text after text. O(tokens · weights + tokens² of each text); texts that share
   * a call share the reading of the weights.
   */
  encode(lengths: readonly number[], writeRows: (rows: Float32Array) => void): Float32Array<ArrayBuffer>[] {
    const { maxTokens, maxTexts } = this
    invariant(lengths.length > 0 && lengths.length <= maxTexts, `a call has 1 to ${maxTexts} texts`)
    invariant(
      lengths.every((length) => length > 0),
      'a text has tokens',
    )
    const tokens = lengths.reduce((sum, length) => sum + length, 0)
    invariant(tokens <= maxTokens, `a call has at most ${maxTokens} tokens`)
    if (!this.#isPrepared) this.#exports.prepare()
    this.#isPrepared = true
    this.#lengths.set(lengths)
    writeRows(this.#rows.subarray(0, tokens * ENCODER_DIMENSIONS))
    this.#exports.encode(lengths.length)
    return lengths.map((_, text) => this.#results.slice(text * ENCODER_DIMENSIONS, (text + 1) * ENCODER_DIMENSIONS))
  }
}
