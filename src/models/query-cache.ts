/**
 * Vectors of queries that were embedded before: in this isolate's memory, least recently used first to go, and for models of
 * providers in a cache that the isolates of a place share. The key is a digest over tenant, model, vector space and text, so
 * nothing of one tenant or model ever answers for another, and a query is nowhere to be read.
 */
import { base64url, sha256, utf8 } from '../core/bytes.ts'
import { MAX_QUERY_CACHE_BYTES } from '../core/limits.ts'
import type { ResidentMemory } from '../core/resident-memory.ts'
import type { Embedder } from './embedder.ts'
import { type EmbeddingModel, isRemote, type ModelCaller } from './model.ts'

/** A cache that several isolates share. It may forget anything at any time. */
export interface SharedCache {
  /** `undefined` where nothing is kept. */
  get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined>
  put(key: string, value: Uint8Array<ArrayBuffer>): Promise<void>
}

export interface QueryCacheDependencies {
  readonly memory: ResidentMemory
  /** Absent where isolates share nothing. */
  readonly shared?: SharedCache
  /** Lets a write to the shared cache outlive the request. */
  readonly keepAlive?: (work: Promise<unknown>) => void
  /** Of all vectors in memory, with what keeps them. */
  readonly budgetBytes?: number
  /** Resolves after so many milliseconds. */
  readonly wait?: (delayMs: number) => Promise<void>
}

interface Kept {
  /** Iteration order is the order of use. */
  readonly vectors: Map<string, Float32Array>
  bytes: number
}

const RESIDENT_KEY = 'models/query-vectors'
/** A key, a place in a map and the objects around a vector, about. */
const ENTRY_BYTES = 250
/** A shared cache that takes longer than this is no help: a provider answers in less than ten times as long. */
const SHARED_PATIENCE_MS = 50
/** By which the length of a unit vector in single precision may be off. */
const UNIT_TOLERANCE = 1e-3

const timeout = (delayMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, delayMs))

/** One per isolate. */
export class QueryCache {
  readonly #dependencies: QueryCacheDependencies

  constructor(dependencies: QueryCacheDependencies) {
    this.#dependencies = dependencies
  }

  /** The same embedder, which asks here first when it is given queries. */
  around(embedder: Embedder, model: EmbeddingModel, caller: ModelCaller): Embedder {
    return {
      profile: embedder.profile,
      embed: (texts, options) =>
        options.kind === 'query' ? this.#embedQueries(embedder, model, caller, texts) : embedder.embed(texts, options),
    }
  }

  async #embedQueries(
    embedder: Embedder,
    model: EmbeddingModel,
    caller: ModelCaller,
    texts: readonly string[],
  ): Promise<Float32Array[]> {
    const keys = await Promise.all(texts.map((text) => keyOf(model, caller, text)))
    // One look-up is less than a call of a provider; hundreds of a batch are not.
    const shared = keys.length === 1 && isRemote(model.source) ? this.#dependencies.shared : undefined
    const found = await Promise.all(keys.map((key) => this.#find(key, model, shared)))
    const missing = [...found.keys()].filter((index) => found[index] === undefined)
    if (missing.length > 0) {
      const embedded = await embedder.embed(
        missing.map((index) => texts[index] ?? ''),
        { kind: 'query' },
      )
      for (const [place, index] of missing.entries()) {
        const vector = embedded[place]
        const key = keys[index]
        if (vector === undefined || key === undefined) continue
        found[index] = vector
        this.#keep(key, vector)
        if (shared !== undefined) this.#share(shared, key, vector)
      }
    }
    // Copies: whoever gets a vector may change it.
    return found.map((vector) => Float32Array.from(vector ?? []))
  }

  async #find(key: string, model: EmbeddingModel, shared: SharedCache | undefined): Promise<Float32Array | undefined> {
    const kept = this.#dependencies.memory.get<Kept>(RESIDENT_KEY)
    const vector = kept?.vectors.get(key)
    if (kept !== undefined && vector !== undefined) {
      kept.vectors.delete(key)
      kept.vectors.set(key, vector)
      return vector
    }
    if (shared === undefined) return undefined
    const { wait = timeout } = this.#dependencies
    const bytes = await Promise.race([
      shared.get(key).catch(() => undefined),
      wait(SHARED_PATIENCE_MS).then(() => undefined),
    ])
    const read = bytes && readVector(bytes, model.profile.dimensions)
    if (read !== undefined) this.#keep(key, read)
    return read
  }

  #keep(key: string, vector: Float32Array): void {
    const { memory, budgetBytes = MAX_QUERY_CACHE_BYTES } = this.#dependencies
    const size = vector.byteLength + ENTRY_BYTES
    if (size > budgetBytes) return
    let kept = memory.get<Kept>(RESIDENT_KEY)
    if (kept === undefined) {
      kept = { vectors: new Map(), bytes: 0 }
      memory.set(RESIDENT_KEY, kept, 0)
    }
    const before = kept.vectors.get(key)
    if (before !== undefined) kept.bytes -= before.byteLength + ENTRY_BYTES
    kept.vectors.delete(key)
    kept.vectors.set(key, vector.slice())
    kept.bytes += size
    for (const [oldest, { byteLength }] of kept.vectors) {
      if (kept.bytes <= budgetBytes) break
      kept.vectors.delete(oldest)
      kept.bytes -= byteLength + ENTRY_BYTES
    }
    memory.resize(RESIDENT_KEY, kept.bytes)
  }

  #share(shared: SharedCache, key: string, vector: Float32Array): void {
    // Nothing depends on it: the next request embeds the query once more.
    const writing = shared.put(key, bytesOf(vector)).catch(() => {})
    this.#dependencies.keepAlive?.(writing)
  }
}

/** Of a JSON array, whose parts cannot run into each other. */
async function keyOf({ uid, profile }: EmbeddingModel, { tenantUid }: ModelCaller, text: string): Promise<string> {
  const { id, version, dimensions, queryPrefix } = profile
  const parts = JSON.stringify([tenantUid, uid, id, version, dimensions, queryPrefix, text])
  return base64url(await sha256(utf8(parts)))
}

/** Little-endian float32, as all machines that run this have it. */
const bytesOf = (vector: Float32Array): Uint8Array<ArrayBuffer> => new Uint8Array(Float32Array.from(vector).buffer)

/** `undefined` for what cannot be a query's vector: such an entry is as good as none. */
function readVector(bytes: Uint8Array<ArrayBuffer>, dimensions: number): Float32Array | undefined {
  if (bytes.byteLength !== dimensions * Float32Array.BYTES_PER_ELEMENT) return undefined
  const vector = new Float32Array(bytes.slice().buffer)
  const length = Math.hypot(...vector)
  return Math.abs(length - 1) <= UNIT_TOLERANCE ? vector : undefined
}
