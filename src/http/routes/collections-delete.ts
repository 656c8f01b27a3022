/** `DELETE /v1/collections/{collection}`. */
import { Problem } from '../../core/problem.ts'
import { deleteCollection as deleteWhole } from '../../shard/collection-lifecycle.ts'
import { inCollection } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const deleteCollection = defineRoute({
  method: 'delete',
  path: '/v1/collections/{collection}',
  operationId: 'deleteCollection',
  tag: 'collections',
  summary: 'Delete a collection and everything in it',
  description: 'Its name is free at once: a collection made under it is new and empty.',
  // All of its documents go with it, those that a filter hides, too.
  access: { kind: 'key', anyOf: ['collections'], unfiltered: true },
  audit: { action: 'collection.delete', subject: inCollection },
  responses: { 204: { description: 'Deleted.' } },
  async handle({ collection }, dependencies) {
    if (!(await deleteWhole(dependencies, collection))) throw new Problem('not_found')
    return { status: 204 }
  },
})
