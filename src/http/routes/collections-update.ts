/** `PATCH /v1/collections/{collection}`: what may change without a new generation. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { requireNameInReach } from '../find-collection.ts'
import {
  collectionName,
  collectionSchema,
  collectionView,
  languageField,
  settingsOf,
  settingsSchema,
} from '../schemas/collection.ts'
import { inCollection } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const updateCollection = defineRoute({
  method: 'patch',
  path: '/v1/collections/{collection}',
  operationId: 'updateCollection',
  tag: 'collections',
  summary: 'Rename a collection or change its settings',
  description:
    'What is not named stays as it is. BM25 parameters act on the next search; a language acts on documents written from now on. Model, chunking and shards belong to the generation and cannot be changed here.',
  access: { kind: 'key', anyOf: ['collections'] },
  audit: { action: 'collection.update', subject: inCollection },
  body: {
    schema: z
      .strictObject({
        name: collectionName.optional(),
        language: languageField.optional(),
        settings: settingsSchema.optional(),
      })
      .openapi('UpdateCollection'),
    notYet: ['/model', '/chunking', '/shards', '/region'],
    example: { settings: { bm25: { k1: 1.2, b: 0.75 } } },
  },
  responses: { 200: { description: 'The collection as it is now.', schema: collectionSchema } },
  async handle({ body: { name, language, settings }, collection, principal }, { catalog }) {
    if (name !== undefined) requireNameInReach(principal, name)
    const changed = await catalog.collections.update(requireTenant(principal).uid, collection.id, {
      ...(name === undefined ? {} : { name }),
      ...(language === undefined ? {} : { language }),
      ...(settings === undefined ? {} : { settings: settingsOf(settings, collection.settings) }),
    })
    if (changed === undefined) throw new Problem('not_found')
    return { status: 200, body: collectionView(changed, principal) }
  },
})
