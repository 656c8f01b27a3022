/** `POST /v1/collections`. */
import { z } from '@hono/zod-openapi'
import { DEFAULT_CHUNKING } from '../../chunking/chunk.ts'
import type { GenerationRecord } from '../../catalog/records.ts'
import { MAX_SHARDS } from '../../core/limits.ts'
import { checkChunking, defaultSize } from '../../ingest/chunking-rule.ts'
import { BRING_YOUR_OWN } from '../../models/profiles.ts'
import { createCollection } from '../../shard/collection-lifecycle.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { collectionModel, type BuiltWith } from '../collection-model.ts'
import { requireNameInReach } from '../find-collection.ts'
import {
  chunkingSchema,
  collectionName,
  collectionSchema,
  collectionView,
  languageField,
  newModelField,
  settingsOf,
  settingsSchema,
} from '../schemas/collection.ts'
import { made } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

const schema = z
  .strictObject({
    name: collectionName,
    model: newModelField.optional(),
    chunking: chunkingSchema.optional(),
    shards: z.number().int().min(1).max(MAX_SHARDS).optional().openapi({ default: 1 }),
    language: languageField.optional().openapi({ default: 'auto' }),
    settings: settingsSchema.optional(),
  })
  .openapi('CreateCollection')

type CreateCollection = z.output<typeof schema>

function generationOf(
  { model, modelName }: BuiltWith,
  { chunking, shards = 1 }: CreateCollection,
): Omit<GenerationRecord, 'id'> {
  const { profile } = model
  const size = chunking?.size ?? defaultSize(profile)
  const settings = {
    strategy: chunking?.strategy ?? DEFAULT_CHUNKING.strategy,
    size,
    overlap: chunking?.overlap ?? Math.min(DEFAULT_CHUNKING.overlap, size - 1),
  }
  checkChunking(settings, profile, '/chunking')
  return {
    model,
    ...(modelName === undefined ? {} : { modelName }),
    profileId: profile.id,
    dimensions: profile.dimensions,
    chunking: settings,
    shards,
    precision: profile.id === BRING_YOUR_OWN ? 'f32' : 'int8',
  }
}

export const createCollectionRoute = defineRoute({
  method: 'post',
  path: '/v1/collections',
  operationId: 'createCollection',
  tag: 'collections',
  summary: 'Create a collection',
  access: { kind: 'key', anyOf: ['collections'] },
  audit: { action: 'collection.create', subject: made('collection') },
  body: {
    schema,
    notYet: ['/region'],
    example: { name: 'handbook', language: 'auto', chunking: { size: 200, overlap: 20 } },
  },
  responses: {
    201: { description: 'The collection, empty.', schema: collectionSchema, headers: { Location: 'Where it is.' } },
  },
  async handle({ body, principal, operationId }, dependencies) {
    const { name, language = 'auto', settings } = body
    requireNameInReach(principal, name)
    const tenantUid = requireTenant(principal).uid
    const built = await collectionModel(dependencies, tenantUid, body.model, { language, operationId })
    const { ownModel, modelChoice } = built
    const collection = await createCollection(dependencies, {
      tenantUid,
      name,
      language,
      settings: settingsOf(settings),
      generation: generationOf(built, body),
      ...(modelChoice === undefined ? {} : { modelChoice }),
      ...(ownModel === undefined ? {} : { ownModel }),
      operationId,
    })
    return {
      status: 201,
      headers: { location: `/v1/collections/${collection.name}` },
      body: collectionView(collection, principal),
    }
  },
})
