/** `PATCH /v1/collections/{collection}`: what may change without a new generation. */
import { z } from '@hono/zod-openapi'
import type { CollectionRecord } from '../../catalog/records.ts'
import { invalidField, Problem } from '../../core/problem.ts'
import { reconfigureModel } from '../../models/reconfigure-model.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { modelConfiguration } from '../collection-model.ts'
import type { AppDependencies } from '../dependencies.ts'
import { requireNameInReach } from '../find-collection.ts'
import {
  collectionName,
  collectionSchema,
  collectionView,
  languageField,
  settingsOf,
  settingsSchema,
} from '../schemas/collection.ts'
import { apiKeyField } from '../schemas/model.ts'
import { inCollection } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

/** @throws invalid_request where the collection has no model of its own that takes a key */
async function changeKey(dependencies: AppDependencies, collection: CollectionRecord, apiKey: string): Promise<void> {
  const { tenantUid, generation } = collection
  const { model, modelName } = generation
  if (modelName !== undefined) {
    throw invalidField('/model/apiKey', `belongs to the model ${modelName}: change it at /v1/models`)
  }
  const owner = { tenantUid, modelUid: model.uid }
  const source = await reconfigureModel(modelConfiguration(dependencies), owner, model, { apiKey }, '/model')
  const changed = await dependencies.catalog.models.updateSource(tenantUid, model.uid, model.source, source)
  if (changed === undefined) throw invalidField('/model/apiKey', 'belongs to a model that takes none')
}

export const updateCollection = defineRoute({
  method: 'patch',
  path: '/v1/collections/{collection}',
  operationId: 'updateCollection',
  tag: 'collections',
  summary: 'Rename a collection or change its settings',
  description:
    "What is not named stays as it is. BM25 parameters act on the next search; a language acts on documents written from now on. Chunking, shards and the model itself belong to the generation and cannot be changed here; the key of a model of the collection's own can.",
  access: { kind: 'key', anyOf: ['collections'] },
  audit: { action: 'collection.update', subject: inCollection },
  body: {
    schema: z
      .strictObject({
        name: collectionName.optional(),
        language: languageField.optional(),
        settings: settingsSchema.optional(),
        model: z
          .strictObject({ apiKey: apiKeyField })
          .optional()
          .openapi({ description: "Another key for a provider's model that belongs to the collection." }),
      })
      .openapi('UpdateCollection'),
    notYet: ['/chunking', '/shards', '/region'],
    example: { settings: { bm25: { k1: 1.2, b: 0.75 } } },
  },
  responses: { 200: { description: 'The collection as it is now.', schema: collectionSchema } },
  async handle({ body: { name, language, settings, model }, collection, principal }, dependencies) {
    const { catalog } = dependencies
    if (name !== undefined) requireNameInReach(principal, name)
    if (model !== undefined) await changeKey(dependencies, collection, model.apiKey)
    const changed = await catalog.collections.update(requireTenant(principal).uid, collection.id, {
      ...(name === undefined ? {} : { name }),
      ...(language === undefined ? {} : { language }),
      ...(settings === undefined ? {} : { settings: settingsOf(settings, collection.settings) }),
    })
    if (changed === undefined) throw new Problem('not_found')
    return { status: 200, body: collectionView(changed, principal) }
  },
})
