/** `GET /v1/collections`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { pageBody, pageQuery, readPage } from '../schemas/fields.ts'
import { collectionPageSchema, collectionView } from '../schemas/collection.ts'
import { defineRoute } from '../route.ts'

export const listCollections = defineRoute({
  method: 'get',
  path: '/v1/collections',
  operationId: 'listCollections',
  tag: 'collections',
  summary: 'List collections',
  description: 'Those that the key reaches.',
  access: { kind: 'key' },
  query: pageQuery,
  responses: { 200: { description: 'By name, ascending.', schema: collectionPageSchema } },
  async handle({ query, principal }, { catalog }) {
    const { collections: only } = principal
    const page = await catalog.collections.list(requireTenant(principal).uid, {
      ...readPage(query),
      ...(only === undefined ? {} : { only }),
    })
    return { status: 200, body: pageBody(page, collectionView) }
  },
})
