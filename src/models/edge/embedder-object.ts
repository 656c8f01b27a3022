/**
 * The Durable Object that embeds passages, so that a big upload computes beside the objects that answer queries and not in
 * them. It stores nothing: any object of the pool can serve any call, and a repeated call gives the same vectors.
 */
import { DurableObject } from 'cloudflare:workers'
import { Problem } from '../../core/problem.ts'
import { MAX_PASSAGES_PER_CALL } from '../../core/limits.ts'
import type { Embedder } from '../embedder.ts'
import type { EmbeddingModel, ModelCaller } from '../model.ts'

/**
 * Short passages are computed together up to this many UTF-16 units, about as much as one passage of the usual size: one
 * pass over the weights then serves several texts.
 */
const TURN_LENGTH = 600

export interface EmbedderDependencies {
  /** The embedder that computes in this isolate. */
  localEmbedder(model: EmbeddingModel, caller: ModelCaller): Embedder
}

export class EmbedderObject<Env = unknown> extends DurableObject<Env> {
  readonly #dependencies: EmbedderDependencies

  constructor(state: DurableObjectState, env: Env, dependencies: EmbedderDependencies) {
    super(state, env)
    this.#dependencies = dependencies
  }

  /**
   * Embeds at most 32 passages in order. What is computed here lets other requests run after each one, or each few short ones:
   * a passage takes tens of milliseconds, and locally all objects share one thread. A provider gets them all at once.
   * @throws invalid_request for more than 32 texts; what the model's provider throws
   */
  async embedPassages(model: EmbeddingModel, caller: ModelCaller, texts: string[]): Promise<Float32Array[]> {
    if (texts.length > MAX_PASSAGES_PER_CALL) {
      throw new Problem('invalid_request', `at most ${MAX_PASSAGES_PER_CALL} passages a call`)
    }
    const embedder = this.#dependencies.localEmbedder(model, caller)
    if (model.source.provider !== 'edge') return embedder.embed(texts, { kind: 'passage' })
    const vectors: Float32Array[] = []
    for (const turn of turnsOf(texts)) {
      vectors.push(...(await embedder.embed(turn, { kind: 'passage' })))
      await scheduler.wait(0)
    }
    return vectors
  }
}

/** Neighbouring texts in groups of `TURN_LENGTH`; a longer text is one of its own. */
function turnsOf(texts: readonly string[]): string[][] {
  const turns: string[][] = []
  let length = Number.POSITIVE_INFINITY
  for (const text of texts) {
    length += text.length
    if (length <= TURN_LENGTH) turns.at(-1)?.push(text)
    else {
      turns.push([text])
      length = text.length
    }
  }
  return turns
}
