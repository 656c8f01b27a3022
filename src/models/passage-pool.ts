/**
 * Bulk embedding: texts are dealt out to a pool of embedder objects, at most 32 a call, one call at a time for each object
 * and request. Which object serves a text does not matter.
 */
import { invariant } from '../core/invariant.ts'
import { MAX_PASSAGES_PER_CALL } from '../core/limits.ts'
import { asProblem, Problem } from '../core/problem.ts'
import type { Embedder, EmbeddingKind } from './embedder.ts'
import { type EmbeddingModel, isRemote, type ModelCaller } from './model.ts'

/** What the pool needs of the Durable Object namespace of embedder objects. */
export interface EmbedderNamespace {
  getByName(name: string): {
    embedPassages(model: EmbeddingModel, caller: ModelCaller, texts: string[]): Promise<Float32Array[]>
  }
}

interface RuntimeFault {
  readonly overloaded?: boolean
  readonly retryable?: boolean
}

const faultOf = (error: unknown): RuntimeFault => (typeof error === 'object' && error !== null ? error : {})

/**
 * Models inside the Worker share their objects, which hold them in memory. Calls of a provider hold connections, of which an
 * object has six: each tenant has objects of its own for them, so that no silent provider keeps another tenant waiting.
 */
const objectName = (object: number, { source }: EmbeddingModel, { tenantUid }: ModelCaller): string =>
  isRemote(source) ? `embedder-${tenantUid}-${object}` : `embedder-${object}`

/** One per isolate. */
export class PassagePool {
  readonly #namespace: EmbedderNamespace
  readonly #poolSize: number
  /** Where the next request starts, so that small requests spread too. */
  #next = 0

  constructor(namespace: EmbedderNamespace, poolSize: number) {
    invariant(Number.isInteger(poolSize) && poolSize > 0, 'a pool has a size')
    this.#namespace = namespace
    this.#poolSize = poolSize
  }

  embedder(model: EmbeddingModel, caller: ModelCaller): Embedder {
    return {
      profile: model.profile,
      embed: (texts, { kind }) => this.#embed(model, caller, texts, kind),
    }
  }

  async #embed(
    model: EmbeddingModel,
    caller: ModelCaller,
    texts: readonly string[],
    kind: EmbeddingKind,
  ): Promise<Float32Array[]> {
    invariant(kind === 'passage', 'queries are embedded in the isolate that answers them')
    const size = Math.min(MAX_PASSAGES_PER_CALL, Math.ceil(texts.length / this.#poolSize))
    const vectors = Array.from<Float32Array>({ length: texts.length })
    let taken = 0
    const work = async (object: number): Promise<void> => {
      while (taken < texts.length) {
        const start = taken
        taken += size
        const part = texts.slice(start, start + size)
        const embedded = await this.#call(object, model, caller, part)
        invariant(embedded.length === part.length, 'an embedder object answers with one vector per text')
        for (const [i, vector] of embedded.entries()) vectors[start + i] = vector
      }
    }
    const first = this.#next
    const workers = Math.min(this.#poolSize, Math.ceil(texts.length / Math.max(size, 1)))
    this.#next = (first + workers) % this.#poolSize
    await Promise.all(Array.from({ length: workers }, (_, i) => work((first + i) % this.#poolSize)))
    return vectors
  }

  /** Calls one object; a broken stub is replaced once, because a repeat is harmless. */
  async #call(object: number, model: EmbeddingModel, caller: ModelCaller, texts: string[]): Promise<Float32Array[]> {
    const embedIn = (): Promise<Float32Array[]> =>
      this.#namespace.getByName(objectName(object, model, caller)).embedPassages(model, caller, texts)
    try {
      return await embedIn()
    } catch (error) {
      const fault = faultOf(error)
      if (fault.retryable !== true || fault.overloaded === true) throw rebuilt(error)
    }
    try {
      return await embedIn()
    } catch (error) {
      throw rebuilt(error)
    }
  }
}

/** Gives an error that crossed RPC its class back; the runtime's own refusals become `overloaded`. */
function rebuilt(error: unknown): unknown {
  const { overloaded, retryable } = faultOf(error)
  if (overloaded === true || retryable === true) {
    return new Problem('overloaded', 'the embedder objects are busy', { retryAfterSeconds: 1 })
  }
  return asProblem(error) ?? error
}
