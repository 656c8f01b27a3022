/** A collection on the wire. */
import { z } from '@hono/zod-openapi'
import { COLLECTION_NAME_RULE, isCollectionName } from '../../catalog/collections.ts'
import { STRATEGIES } from '../../chunking/strategies.ts'
import type { CollectionRecord, CollectionSettings } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import { MAX_DIMENSIONS, MAX_SHARDS, MIN_CHUNK_TOKENS } from '../../core/limits.ts'
import { DEFAULT_BM25 } from '../../keyword/keyword-index.ts'
import { BRING_YOUR_OWN, EDGE_EN } from '../../models/profiles.ts'
import { isLanguageTag } from '../../text/language.ts'
import { pageOf, time } from './fields.ts'

export const collectionName = z
  .string()
  .refine(isCollectionName, COLLECTION_NAME_RULE)
  .openapi({ description: 'Unique within the tenant.', example: 'handbook' })

export const bringYourOwnSchema = z
  .strictObject({
    provider: z.literal(BRING_YOUR_OWN),
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS),
    metric: z.literal('cosine').optional(),
  })
  .openapi('BringYourOwnModel', { description: 'The caller sends a vector with each document and search.' })

export const chunkingSchema = z
  .strictObject({
    strategy: z.enum(STRATEGIES).optional().openapi({ default: 'recursive' }),
    size: z
      .number()
      .int()
      .min(MIN_CHUNK_TOKENS)
      .max(100_000)
      .optional()
      .openapi({ default: 200, description: "In the model's tokens." }),
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

export const modelName = z.literal(EDGE_EN.id).openapi({ description: 'A model that runs inside the Worker.' })

export const collectionSchema = z
  .object({
    id: z.string().openapi({ example: 'col_x7Qm2LsV0aZp91Rt' }),
    name: collectionName,
    model: z.union([modelName, bringYourOwnSchema]),
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

export function collectionView(collection: CollectionRecord): CollectionView {
  const { id, name, language, settings, generation, createdAtMs, updatedAtMs } = collection
  const { profileId, dimensions, chunking, shards } = generation
  return {
    id,
    name,
    model: profileId === BRING_YOUR_OWN ? { provider: BRING_YOUR_OWN, dimensions, metric: 'cosine' } : EDGE_EN.id,
    chunking: { strategy: chunking.strategy, size: chunking.size, overlap: chunking.overlap },
    shards,
    language,
    settings: settings.bm25 === undefined ? {} : { bm25: { k1: settings.bm25.k1, b: settings.bm25.b } },
    generation: generation.id,
    createdAt: rfc3339(createdAtMs),
    updatedAt: rfc3339(updatedAtMs),
  }
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
