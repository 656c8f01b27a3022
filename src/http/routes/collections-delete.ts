/** `DELETE /v1/collections/{collection}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { finishDeletions } from '../collection-lifecycle.ts'
import { defineRoute } from '../route.ts'

export const deleteCollection = defineRoute({
  method: 'delete',
  path: '/v1/collections/{collection}',
  operationId: 'deleteCollection',
  tag: 'collections',
  summary: 'Delete a collection and everything in it',
  description: 'Its name is free at once: a collection made under it is new and empty.',
  access: { kind: 'key', anyOf: ['collections'] },
  responses: { 204: { description: 'Deleted.' } },
  async handle({ collection, principal }, dependencies) {
    const { uid } = requireTenant(principal)
    if (!(await dependencies.catalog.collections.markDeleted(uid, collection.id))) throw new Problem('not_found')
    await finishDeletions(dependencies, uid)
    return { status: 204 }
  },
})
