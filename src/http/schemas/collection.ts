/** A collection on the wire. */
import { z } from '@hono/zod-openapi'
import { COLLECTION_NAME_RULE, isCollectionName } from '../../catalog/collections.ts'
import { STRATEGIES } from '../../chunking/strategies.ts'
import type { CollectionRecord, CollectionSettings, GenerationRecord } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import { MAX_DIMENSIONS, MAX_PROVIDER_NAME_LENGTH, MAX_SHARDS, MIN_CHUNK_TOKENS } from '../../core/limits.ts'
import { DEFAULT_BM25 } from '../../keyword/keyword-index.ts'
import { namedVectorsOf, namedVectorsView } from '../../models/named-vectors.ts'
import { productSource } from '../../models/product-models.ts'
import { BRING_YOUR_OWN } from '../../models/profiles.ts'
import { isLanguageTag } from '../../text/language.ts'
import { pageOf, time } from './fields.ts'
import { type ModelReader, remoteModelSchemas, remoteModelView, remoteModelViewSchema } from './model.ts'
import { namedVectorsSchema } from './named-vectors.ts'

export const collectionName = z
  .string()
  .refine(isCollectionName, COLLECTION_NAME_RULE)
  .openapi({ description: 'Unique within the tenant.', example: 'handbook' })

export const bringYourOwnSchema = z
  .strictObject({
    provider: z.literal(BRING_YOUR_OWN),
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS).optional(),
    metric: z.literal('cosine').optional(),
    vectors: namedVectorsSchema.optional(),
  })
  .superRefine(({ dimensions, metric, vectors }, context) => {
    const fault = (field: string, message: string): void => context.addIssue({ code: 'custom', path: [field], message })
    if (vectors === undefined) {
      if (dimensions === undefined) fault('dimensions', 'is required, or vectors')
      return
    }
    if (dimensions !== undefined) fault('dimensions', 'must not stand beside vectors: each has its own')
    if (metric !== undefined) fault('metric', 'must not stand beside vectors: each has its own')
  })
  .openapi('BringYourOwnModel', {
    description:
      'The caller sends a vector with each document and search, of these `dimensions`, or several that have names (`vectors`).',
  })

/** What a new collection may be built with. */
export const newModelField = z
  .union([
    z.string().min(1).max(MAX_PROVIDER_NAME_LENGTH).openapi({
      description:
        "A model inside the Worker, a known one of Workers AI (`@cf/…`), or the tenant's own name for one at `/v1/models`.",
      example: 'edge-en',
    }),
    z.discriminatedUnion('provider', [bringYourOwnSchema, ...remoteModelSchemas]),
  ])
  .openapi({
    description:
      'What makes the vectors; it never changes. Without it a model inside the Worker that knows the `language`; where that is `auto`, the first documents choose one by theirs.',
  })

export type CreatedModel = z.output<typeof newModelField>

const modelView = z.union([
  z.string().openapi({ description: 'The name of a model at `/v1/models`.', example: 'edge-en' }),
  bringYourOwnSchema,
  remoteModelViewSchema,
])

export const chunkingSchema = z
  .strictObject({
    strategy: z.enum(STRATEGIES).optional().openapi({ default: 'recursive' }),
    size: z
      .number()
      .int()
      .min(MIN_CHUNK_TOKENS)
      .max(100_000)
      .optional()
      .openapi({ default: 200, description: "In the model's tokens; by default fewer than 200 where it reads less." }),
    overlap: z.number().int().min(0).max(100_000).optional().openapi({ default: 20 }),
  })
  .openapi('Chunking', {
    description:
      'Where documents are cut: by structure, at sentences, a page or a row to a chunk; `none` makes one chunk of each.',
  })

export const languageField = z
  .string()
  .refine((tag) => tag === 'auto' || isLanguageTag(tag), 'must be a BCP 47 language tag or auto')
  .openapi({ description: 'BCP 47, or `auto` to detect it for each chunk.' })

export const settingsSchema = z
  .strictObject({
    bm25: z
      .strictObject({ k1: z.number().min(0).max(10).optional(), b: z.number().min(0).max(1).optional() })
      .optional()
      .openapi({ description: 'Saturation of term frequency and weight of length (defaults 0.9 and 0.4).' }),
  })
  .openapi('CollectionSettings')

export const collectionSchema = z
  .object({
    id: z.string().openapi({ example: 'col_x7Qm2LsV0aZp91Rt' }),
    name: collectionName,
    model: modelView,
    modelChoice: z.enum(['named', 'by_language', 'open']).openapi({
      description:
        'Who chose the model: the request, a declared language or that of the first documents, or nobody yet: then `model` is `edge-en` for now, and the first documents choose it with a new generation.',
    }),
    chunking: z.object({ strategy: z.enum(STRATEGIES), size: z.number().int(), overlap: z.number().int() }),
    shards: z.number().int().min(1).max(MAX_SHARDS),
    language: languageField,
    settings: settingsSchema,
    generation: z.string().openapi({ description: "The immutable build of the collection's index." }),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Collection')

export const collectionPageSchema = pageOf(collectionSchema, 'CollectionPage')

export const collectionWithStatisticsSchema = collectionSchema
  .extend({
    statistics: z.object({
      documents: z.number().int(),
      chunks: z.number().int(),
      bytes: z.number().int(),
      pending: z.number().int().openapi({ description: 'Accepted writes that are not indexed yet.' }),
    }),
  })
  .openapi('CollectionWithStatistics')

export type CollectionView = z.input<typeof collectionSchema>

/** `reader`: where a provider's model runs is shown to those only who may change it. */
export function collectionView(collection: CollectionRecord, reader: ModelReader): CollectionView {
  const { id, name, language, settings, generation, modelChoice = 'named', createdAtMs, updatedAtMs } = collection
  const { chunking, shards } = generation
  return {
    id,
    name,
    model: shownModel(generation, reader),
    modelChoice,
    chunking: { strategy: chunking.strategy, size: chunking.size, overlap: chunking.overlap },
    shards,
    language,
    settings: settings.bm25 === undefined ? {} : { bm25: { k1: settings.bm25.k1, b: settings.bm25.b } },
    generation: generation.id,
    createdAt: rfc3339(createdAtMs),
    updatedAt: rfc3339(updatedAtMs),
  }
}

function shownModel({ model, modelName, dimensions }: GenerationRecord, reader: ModelReader): CollectionView['model'] {
  if (modelName !== undefined) return modelName
  const vectors = namedVectorsOf(model)
  if (vectors !== undefined) return { provider: BRING_YOUR_OWN, vectors: namedVectorsView(vectors) }
  if (model.uid === BRING_YOUR_OWN) return { provider: BRING_YOUR_OWN, dimensions, metric: 'cosine' }
  return productSource(model.uid) === undefined ? remoteModelView(model, reader) : model.uid
}

/** What was not named keeps its stored value, or takes its default. */
export function settingsOf(
  settings: z.output<typeof settingsSchema> = {},
  stored: CollectionSettings = {},
): CollectionSettings {
  const { bm25 } = settings
  if (bm25 === undefined) return stored
  const before = stored.bm25 ?? DEFAULT_BM25
  return { ...stored, bm25: { k1: bm25.k1 ?? before.k1, b: bm25.b ?? before.b } }
}
