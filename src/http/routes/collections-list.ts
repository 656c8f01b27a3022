/** `GET /v1/collections`. */
import { collectionLists, requireTenant } from '../../tenancy/principal.ts'
import { listPage, narrowPage } from '../list-page.ts'
import { pageQuery } from '../schemas/fields.ts'
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
  narrowQuery: narrowPage,
  responses: { 200: { description: 'By name, ascending.', schema: collectionPageSchema } },
  async handle({ query, principal }, { catalog, sealer }) {
    const { uid } = requireTenant(principal)
    const only = collectionLists(principal)
    const body = await listPage(
      sealer,
      `collections/${uid}`,
      query,
      (page) => catalog.collections.list(uid, { ...page, only }),
      (collection) => collectionView(collection, principal),
    )
    return { status: 200, body }
  },
})
