/**
 * Embeds with word vectors that a tenant imported or trained. The packed file is read from its store on first use and held
 * in resident memory; a text costs some microseconds a word, so queries and passages alike are embedded where they are.
 */
import type { ResidentMemory } from '../core/resident-memory.ts'
import { PackedVectors } from '../word-vectors/packed-vectors.ts'
import type { Embedder, EmbeddingKind, ModelProfile } from './embedder.ts'
import { SharedLoads } from './shared-load.ts'

export interface WordVectorsDependencies {
  /** Reads a packed file whole; `undefined` when nothing lies under the key. */
  readonly readPacked: (objectKey: string) => Promise<ArrayBuffer | undefined>
  readonly memory: ResidentMemory
}

/** Hands out packed files, reading those that are not resident. */
export class WordVectorsLoader {
  readonly #dependencies: WordVectorsDependencies
  readonly #loads = new SharedLoads<PackedVectors>()

  constructor(dependencies: WordVectorsDependencies) {
    this.#dependencies = dependencies
  }

  async get(objectKey: string): Promise<PackedVectors> {
    const { memory } = this.#dependencies
    const key = `model/word-vectors/${objectKey}`
    return this.#loads.get(
      key,
      () => memory.get<PackedVectors>(key),
      () => this.#load(key, objectKey),
    )
  }

  async #load(key: string, objectKey: string): Promise<PackedVectors> {
    const { readPacked, memory } = this.#dependencies
    const buffer = await readPacked(objectKey)
    // Whoever deletes a model deletes its row first, and nobody is sent here any more.
    if (buffer === undefined) throw new Error('the file of a model of word vectors is gone')
    const packed = new PackedVectors(buffer)
    memory.set(key, packed, buffer.byteLength)
    return packed
  }
}

export class WordVectorsEmbedder implements Embedder {
  readonly profile: ModelProfile
  readonly #loader: WordVectorsLoader
  readonly #objectKey: string

  constructor(profile: ModelProfile, loader: WordVectorsLoader, objectKey: string) {
    this.profile = profile
    this.#loader = loader
    this.#objectKey = objectKey
  }

  /** Queries and passages are embedded alike. */
  async embed(texts: readonly string[], _options: { readonly kind: EmbeddingKind }): Promise<Float32Array[]> {
    if (texts.length === 0) return []
    const packed = await this.#loader.get(this.#objectKey)
    return texts.map((text) => packed.textVector(text))
  }
}
