/** `POST /v1/collections`. */
import { z } from '@hono/zod-openapi'
import { DEFAULT_CHUNKING } from '../../chunking/chunk.ts'
import type { GenerationRecord } from '../../catalog/records.ts'
import { invariant } from '../../core/invariant.ts'
import { MAX_SHARDS } from '../../core/limits.ts'
import { invalidField } from '../../core/problem.ts'
import { checkChunking } from '../../ingest/chunking-rule.ts'
import { EDGE_EN_MODEL, productModel } from '../../models/product-models.ts'
import { BRING_YOUR_OWN, EDGE_EN, findProfile } from '../../models/profiles.ts'
import { createCollection } from '../../shard/collection-lifecycle.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { requireNameInReach } from '../find-collection.ts'
import {
  bringYourOwnSchema,
  chunkingSchema,
  collectionName,
  collectionSchema,
  collectionView,
  languageField,
  modelName,
  settingsOf,
  settingsSchema,
} from '../schemas/collection.ts'
import { made } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { parseWith } from '../schema-faults.ts'

const schema = z
  .strictObject({
    name: collectionName,
    model: z.union([modelName, bringYourOwnSchema]).optional(),
    chunking: chunkingSchema.optional(),
    shards: z.number().int().min(1).max(MAX_SHARDS).optional().openapi({ default: 1 }),
    language: languageField.optional().openapi({ default: 'auto' }),
    settings: settingsSchema.optional(),
  })
  .openapi('CreateCollection')

type CreateCollection = z.output<typeof schema>

/** Contract fields and values that later versions will know are told apart from what nobody will ever know. */
function refuseLaterModels(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('model' in value)) return
  const { model } = value
  const isLaterName = typeof model === 'string' && model !== '' && findProfile(model) === undefined
  const isLaterProvider =
    typeof model === 'object' &&
    model !== null &&
    'provider' in model &&
    typeof model.provider === 'string' &&
    model.provider !== BRING_YOUR_OWN
  if (!isLaterName && !isLaterProvider) return
  throw invalidField(isLaterName ? '/model' : '/model/provider', 'is not a model that this server has', 'not_supported')
}

function generationOf({ model = EDGE_EN.id, chunking, shards = 1 }: CreateCollection): Omit<GenerationRecord, 'id'> {
  const built = typeof model === 'string' ? EDGE_EN_MODEL : productModel(model.provider, model.dimensions)
  invariant(built !== undefined, 'a model that the schema lets pass is known')
  const { profile } = built
  const settings = {
    strategy: chunking?.strategy ?? DEFAULT_CHUNKING.strategy,
    size: chunking?.size ?? DEFAULT_CHUNKING.size,
    overlap: chunking?.overlap ?? Math.min(DEFAULT_CHUNKING.overlap, (chunking?.size ?? DEFAULT_CHUNKING.size) - 1),
  }
  checkChunking(settings, profile, '/chunking')
  return {
    model: built,
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
    parse: (value) => {
      refuseLaterModels(value)
      const body = parseWith(schema, value, ['/region'])
      return { ...body, generation: generationOf(body) }
    },
    example: { name: 'handbook', language: 'auto', chunking: { size: 200, overlap: 20 } },
  },
  responses: {
    201: { description: 'The collection, empty.', schema: collectionSchema, headers: { Location: 'Where it is.' } },
  },
  async handle({ body, principal, operationId }, dependencies) {
    const { name, language = 'auto', settings, generation } = body
    requireNameInReach(principal, name)
    const collection = await createCollection(dependencies, {
      tenantUid: requireTenant(principal).uid,
      name,
      language,
      settings: settingsOf(settings),
      generation,
      operationId,
    })
    return {
      status: 201,
      headers: { location: `/v1/collections/${collection.name}` },
      body: collectionView(collection),
    }
  },
})
