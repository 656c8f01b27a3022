/**
 * The weights and the tokenizer of `edge-en` in this isolate. Loaded on first use from the static assets, held in
 * `residentMemory` under one key, loaded again after an eviction. A forward pass is synchronous, so requests that share
 * the model never interleave inside one.
 */
import { invariant } from '../../core/invariant.ts'
import type { ResidentMemory } from '../../core/resident-memory.ts'
import { ENCODER_DIMENSIONS, ENCODER_HEADS, ENCODER_INTERMEDIATE, EncoderKernel } from '../../kernels/encoder-kernel.ts'
import { hasRelaxedSimd } from '../../kernels/relaxed-simd.ts'
import { EDGE_EN_ASSET } from './edge-en-asset.ts'
import { readModelFile } from './model-file.ts'
import { Vocabulary } from './vocabulary.ts'
import { WordPiece } from './word-piece.ts'
import { Int8WordRows, type WordRows } from './word-rows.ts'

export const EDGE_EN_RESIDENT_KEY = 'model/edge-en'

/**
 * How long a request waits for a load that another request began. The platform drops a request's I/O when its client goes
 * away, and then the promise of that load never settles; whoever waited loads for itself after this time.
 */
const LOAD_PATIENCE_MS = 2_000

/** Held only while a load runs, so that file and kernel side by side stay within the isolate's budget too. */
const LOADING_KEY = 'model/edge-en/loading'
const LOADING_BYTES = 51_000_000

export interface EdgeModelDependencies {
  /** Reads a static asset by its path from the assets folder. */
  readonly readAsset: (path: string) => Promise<ArrayBuffer>
  readonly relaxedModule: WebAssembly.Module
  readonly plainModule: WebAssembly.Module
  readonly memory: ResidentMemory
  /** Shorter in tests. */
  readonly loadPatienceMs?: number
}

/** A loaded model: everything here is synchronous. */
export class EdgeModel {
  readonly tokenizer: WordPiece
  readonly #kernel: EncoderKernel
  readonly #words: WordRows

  constructor(tokenizer: WordPiece, words: WordRows, kernel: EncoderKernel) {
    this.tokenizer = tokenizer
    this.#words = words
    this.#kernel = kernel
  }

  /** Bytes held: linear memory with weights and activations; word rows; vocabulary. */
  get bytes(): number {
    return this.#kernel.bytes + this.#words.bytes + this.tokenizer.bytes
  }

  /** Embeds the first tokens of `text`, as many as the model reads, into a new unit vector. */
  embed(text: string): Float32Array<ArrayBuffer> {
    const ids = this.tokenizer.encode(text, this.#kernel.maxTokens)
    return this.#kernel.encode([ids.length], (rows) => this.#words.write(ids, rows))[0]!
  }
}

/** Hands out the isolate's one model, loading it when it is not resident. */
export class EdgeModelLoader {
  readonly #dependencies: EdgeModelDependencies
  #pending: Promise<EdgeModel> | undefined

  constructor(dependencies: EdgeModelDependencies) {
    this.#dependencies = dependencies
  }

  /** Returns the resident model or loads it, one load at a time; a failure fails every request that waits for it. */
  async get(): Promise<EdgeModel> {
    const { memory, loadPatienceMs = LOAD_PATIENCE_MS } = this.#dependencies
    const resident = memory.get<EdgeModel>(EDGE_EN_RESIDENT_KEY)
    if (resident !== undefined) return resident
    const others = this.#pending
    if (others !== undefined) {
      const loaded = await withPatience(others, loadPatienceMs)
      if (loaded !== undefined) return loaded
      // It hangs. The first to notice drops it; the rest share the load that follows.
      if (this.#pending === others) this.#pending = undefined
      return this.get()
    }
    const own = this.#load()
    this.#pending = own
    try {
      return await own
    } finally {
      if (this.#pending === own) this.#pending = undefined
    }
  }

  async #load(): Promise<EdgeModel> {
    const { readAsset, relaxedModule, plainModule, memory } = this.#dependencies
    memory.set(LOADING_KEY, undefined, LOADING_BYTES)
    try {
      const model = createEdgeModel(await readAsset(EDGE_EN_ASSET), hasRelaxedSimd() ? relaxedModule : plainModule)
      memory.delete(LOADING_KEY)
      memory.set(EDGE_EN_RESIDENT_KEY, model, model.bytes, { isPinned: true })
      return model
    } finally {
      memory.delete(LOADING_KEY)
    }
  }
}

/** Builds a model from its file; nothing of `file` is kept. */
export function createEdgeModel(file: ArrayBuffer, module: WebAssembly.Module): EdgeModel {
  const model = readModelFile(file)
  const { dimensions, heads, intermediate, layers, maxTokens } = model.shape
  invariant(
    dimensions === ENCODER_DIMENSIONS && heads === ENCODER_HEADS && intermediate === ENCODER_INTERMEDIATE,
    'the model file has the shape of the kernel',
  )
  const kernel = new EncoderKernel(module, { layerCount: layers, maxTokens, layers: [model.section('layers')] })
  const words = new Int8WordRows(model.section('words'), model.section('scales'))
  const vocabulary = new Vocabulary(new TextDecoder().decode(model.section('vocab')))
  return new EdgeModel(new WordPiece(vocabulary), words, kernel)
}

/** Waits for `promise`, but no longer than `patienceMs`. */
async function withPatience<T>(promise: Promise<T>, patienceMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
