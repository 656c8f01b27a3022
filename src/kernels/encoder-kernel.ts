/**
 * The forward pass of the `edge-en` encoder (BERT with 6 layers of width 384) in WebAssembly SIMD, written in AssemblyScript
 * under `assembly/`. This wrapper receives compiled modules, because importing `.wasm` works only inside the Worker. Its
 * oracle is `encoder-scalar.ts`.
 */
import { invariant } from '../core/invariant.ts'

/** Length of the result, and of one word row in bytes. */
export const ENCODER_DIMENSIONS = 384
/** Longest input in tokens, special tokens included. */
export const ENCODER_MAX_TOKENS = 256
export const ENCODER_VOCABULARY = 30_522

interface EncoderExports {
  readonly memory: WebAssembly.Memory
  initialise(): void
  layersStart(): number
  layersBytes(): number
  wordsStart(): number
  wordsBytes(): number
  scalesStart(): number
  scalesBytes(): number
  ids(): number
  result(): number
  encode(tokens: number): void
}

/** The three parts of the model file that the kernel keeps, in the layout of docs/model-format.md. */
export interface EncoderWeights {
  /** Positions, norms and linear layers, as the kernel reads them. */
  readonly layers: Uint8Array
  /** int8, vocabulary × 384. */
  readonly words: Uint8Array
  /** float32, one per word row. */
  readonly scales: Uint8Array
}

/**
 * One encoder with its weights in its own linear memory. `encode` is synchronous and uses that memory as scratch, so
 * calls never overlap; results are copies.
 */
export class EncoderKernel {
  readonly #exports: EncoderExports
  readonly #ids: Uint32Array
  readonly #result: Float32Array

  /** Copies the weights; the caller's buffers can be dropped afterwards. */
  constructor(module: WebAssembly.Module, weights: EncoderWeights) {
    const kernel = new WebAssembly.Instance(module).exports as unknown as EncoderExports
    kernel.initialise()
    this.#exports = kernel
    const place = (part: Uint8Array, start: number, bytes: number, name: string): void => {
      invariant(part.byteLength === bytes, `${name} has ${part.byteLength} bytes, the kernel wants ${bytes}`)
      new Uint8Array(kernel.memory.buffer, start, bytes).set(part)
    }
    place(weights.layers, kernel.layersStart(), kernel.layersBytes(), 'layers')
    place(weights.words, kernel.wordsStart(), kernel.wordsBytes(), 'words')
    place(weights.scales, kernel.scalesStart(), kernel.scalesBytes(), 'scales')
    this.#ids = new Uint32Array(kernel.memory.buffer, kernel.ids(), ENCODER_MAX_TOKENS)
    this.#result = new Float32Array(kernel.memory.buffer, kernel.result(), ENCODER_DIMENSIONS)
  }

  /** Bytes of linear memory: weights, word rows and activations. */
  get bytes(): number {
    return this.#exports.memory.buffer.byteLength
  }

  /** Encodes 1 to 256 token ids into a new unit vector of 384 values. O(tokens · weights + tokens²). */
  encode(ids: Uint32Array): Float32Array<ArrayBuffer> {
    invariant(ids.length > 0 && ids.length <= ENCODER_MAX_TOKENS, 'an input has 1 to 256 tokens')
    for (const id of ids) invariant(id < ENCODER_VOCABULARY, 'a token id lies in the vocabulary')
    this.#ids.set(ids)
    this.#exports.encode(ids.length)
    return new Float32Array(this.#result)
  }
}
