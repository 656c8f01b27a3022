/**
 * A model's weights and tokenizer in this isolate. Loaded on first use from the static assets, held in `residentMemory`
 * under one key, loaded again after an eviction. A forward pass is synchronous, so requests that share the model never
 * interleave inside one.
 */
import { invariant } from '../../core/invariant.ts'
import type { ResidentMemory } from '../../core/resident-memory.ts'
import { ENCODER_DIMENSIONS, ENCODER_HEADS, ENCODER_INTERMEDIATE, EncoderKernel } from '../../kernels/encoder-kernel.ts'
import { hasRelaxedSimd } from '../../kernels/relaxed-simd.ts'
import { SharedLoads } from '../shared-load.ts'
import { EDGE_EN_ASSET } from './edge-en-asset.ts'
import { readModelFile } from './model-file.ts'
import { Vocabulary } from './vocabulary.ts'
import { WordPiece } from './word-piece.ts'
import { Int8WordRows, type WordRows, type WordTable } from './word-rows.ts'

export const EDGE_EN_RESIDENT_KEY = 'model/edge-en'

export interface EdgeModelDependencies {
  /** Reads a static asset by its path from the assets folder. */
  readonly readAsset: (path: string) => Promise<ArrayBuffer>
  readonly relaxedModule: WebAssembly.Module
  readonly plainModule: WebAssembly.Module
  readonly memory: ResidentMemory
  /** Shorter in tests. */
  readonly loadPatienceMs?: number
}

/** What a recipe gets: `module` is the build of the kernel that this engine runs best. */
export interface EdgeModelParts extends Pick<EdgeModelDependencies, 'readAsset' | 'memory' | 'loadPatienceMs'> {
  readonly module: WebAssembly.Module
}

/** How one model is loaded. */
export interface EdgeModelRecipe {
  readonly residentKey: string
  /** Held only while a load runs, so that files and kernel side by side stay within the isolate's budget too. */
  readonly loadingBytes: number
  readonly load: (parts: EdgeModelParts) => Promise<EdgeModel>
}

/** Cuts texts into a model's own tokens. */
export interface EdgeTokenizer {
  /** Bytes held. */
  readonly bytes: number
  /** Ids with the special tokens around them, at most `maxTokens`: the rest of the text is cut. */
  encode(text: string, maxTokens: number): Uint32Array
  /** Number of tokens without the special ones. */
  count(text: string): number
}

/** A loaded model. */
export class EdgeModel {
  readonly tokenizer: EdgeTokenizer
  /** What all vectors of the model have in common, which its embedder takes away. */
  readonly centre: Float32Array | undefined
  readonly #kernel: EncoderKernel
  readonly #words: WordTable

  constructor(tokenizer: EdgeTokenizer, words: WordTable, kernel: EncoderKernel, centre?: Float32Array) {
    this.tokenizer = tokenizer
    this.centre = centre
    this.#words = words
    this.#kernel = kernel
  }

  /** Bytes held: linear memory with weights and activations; tokenizer; word rows, unless they are counted by themselves. */
  get bytes(): number {
    return this.#kernel.bytes + this.#words.bytes + this.tokenizer.bytes
  }

  /**
   * Embeds the first tokens of each text, as many as the model reads, into new unit vectors. Synchronous up to its end
   * where all word rows are resident.
   */
  async embed(texts: readonly string[]): Promise<Float32Array<ArrayBuffer>[]> {
    const ids = texts.map((text) => this.tokenizer.encode(text, this.#kernel.maxTokens))
    const found = this.#words.rowsFor(ids)
    const words = found instanceof Promise ? await found : found
    return this.#passes(ids).flatMap((pass) => this.#encode(pass, words))
  }

  #encode(texts: readonly Uint32Array[], words: WordRows): Float32Array<ArrayBuffer>[] {
    const lengths = texts.map(({ length }) => length)
    return this.#kernel.encode(lengths, (rows) => {
      let at = 0
      for (const ids of texts) {
        words.write(ids, rows.subarray(at))
        at += ids.length * ENCODER_DIMENSIONS
      }
    })
  }

  /** Neighbouring texts in groups that one pass of the kernel has room for. */
  #passes(texts: readonly Uint32Array[]): Uint32Array[][] {
    const { maxTexts, maxTokens } = this.#kernel
    const passes: Uint32Array[][] = []
    let tokens = 0
    for (const ids of texts) {
      const last = passes.at(-1)
      if (last !== undefined && last.length < maxTexts && tokens + ids.length <= maxTokens) {
        last.push(ids)
        tokens += ids.length
      } else {
        passes.push([ids])
        tokens = ids.length
      }
    }
    return passes
  }
}

/** Hands out the isolate's one copy of a model, loading it when it is not resident. */
export class EdgeModelLoader {
  readonly #dependencies: EdgeModelDependencies
  readonly #recipe: EdgeModelRecipe
  readonly #loads: SharedLoads<EdgeModel>

  constructor(dependencies: EdgeModelDependencies, recipe: EdgeModelRecipe) {
    this.#dependencies = dependencies
    this.#recipe = recipe
    this.#loads = new SharedLoads(dependencies.loadPatienceMs)
  }

  /** Returns the resident model or loads it, one load at a time. */
  get(): Promise<EdgeModel> {
    const { memory } = this.#dependencies
    const { residentKey } = this.#recipe
    return this.#loads.get(
      residentKey,
      () => memory.get<EdgeModel>(residentKey),
      () => this.#load(),
    )
  }

  async #load(): Promise<EdgeModel> {
    const { memory, relaxedModule, plainModule } = this.#dependencies
    const { residentKey, loadingBytes, load } = this.#recipe
    const loadingKey = `${residentKey}/loading`
    // Not pinned: a cancelled request never takes it back, and then it must make room by itself.
    memory.set(loadingKey, undefined, loadingBytes)
    try {
      const module = hasRelaxedSimd() ? relaxedModule : plainModule
      const model = await load({ ...this.#dependencies, module })
      memory.delete(loadingKey)
      memory.set(residentKey, model, model.bytes, { isPinned: true })
      return model
    } finally {
      memory.delete(loadingKey)
    }
  }
}

/** all-MiniLM-L6-v2 in one file. */
export const EDGE_EN_RECIPE: EdgeModelRecipe = {
  residentKey: EDGE_EN_RESIDENT_KEY,
  loadingBytes: 51_000_000,
  load: async ({ readAsset, module }) => createEdgeModel(await readAsset(EDGE_EN_ASSET), module),
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
