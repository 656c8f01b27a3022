/** Models served as they are, beside any collection: vectors of texts at the length that is asked for. */
import { invalidField } from '../core/problem.ts'
import type { EmbeddingKind, ModelProfile } from './embedder.ts'
import type { EmbeddingModel, ModelCaller } from './model.ts'
import { type ModelMeter, pricedModel, tokensRead } from './model-meter.ts'
import type { Models } from './models.ts'

/** Queries that are embedded in this isolate before others have their turn: about 40 ms. */
const QUERIES_IN_A_ROW = 16

export interface ServingOptions {
  readonly kind: EmbeddingKind
  /** A Matryoshka step of the model, or its full length, which is the default. */
  readonly dimensions?: number | undefined
  /** Asked before anything is embedded. */
  readonly meter?: ModelMeter
  /** Lets other requests of the isolate go on. */
  readonly pause?: () => Promise<void>
}

export interface ServedVectors {
  /** Unit vectors, one for each text. */
  readonly vectors: readonly Float32Array[]
  /** Input tokens that the model read; an estimate where it does not run in the Worker. */
  readonly tokens: number
}

const pauseByTimer = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/** @throws invalid_request at `/dimensions`; what the meter throws; upstream_failed, upstream_timeout, upstream_refused, overloaded */
export async function serveVectors(
  models: Pick<Models, 'queryEmbedder' | 'passageEmbedder' | 'countTokens'>,
  model: EmbeddingModel,
  caller: ModelCaller,
  texts: readonly string[],
  { kind, dimensions = model.profile.dimensions, meter, pause = pauseByTimer }: ServingOptions,
): Promise<ServedVectors> {
  checkDimensions(model.profile, dimensions)
  const tokens = tokensRead(await models.countTokens(model), model.profile, texts, kind)
  const tell = await meter?.admit(pricedModel(model), tokens)
  const full =
    kind === 'passage'
      ? await models.passageEmbedder(model, caller).embed(texts, { kind })
      : await embedQueries(models, model, caller, texts, pause)
  tell?.(tokens)
  return {
    vectors: dimensions === model.profile.dimensions ? full : full.map((vector) => beginningOf(vector, dimensions)),
    tokens,
  }
}

/** A model inside the Worker computes without a pause, so a long list is taken in parts; a provider gets it whole. */
async function embedQueries(
  models: Pick<Models, 'queryEmbedder'>,
  model: EmbeddingModel,
  caller: ModelCaller,
  texts: readonly string[],
  pause: () => Promise<void>,
): Promise<Float32Array[]> {
  const embedder = models.queryEmbedder(model, caller)
  if (model.source.provider !== 'edge') return embedder.embed(texts, { kind: 'query' })
  const vectors: Float32Array[] = []
  for (let start = 0; start < texts.length; start += QUERIES_IN_A_ROW) {
    if (start > 0) await pause()
    vectors.push(...(await embedder.embed(texts.slice(start, start + QUERIES_IN_A_ROW), { kind: 'query' })))
  }
  return vectors
}

function checkDimensions({ id, dimensions, matryoshka }: ModelProfile, asked: number): void {
  if (asked === dimensions || matryoshka.includes(asked)) return
  const sizes = [...matryoshka, dimensions].join(', ')
  throw invalidField('/dimensions', `${id} has vectors of ${sizes} dimensions`)
}

/** The beginning of a Matryoshka vector, at unit length again. */
function beginningOf(vector: Float32Array, dimensions: number): Float32Array {
  const part = vector.slice(0, dimensions)
  const length = Math.hypot(...part)
  return length > 0 ? part.map((value) => value / length) : part
}
