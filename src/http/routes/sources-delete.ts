/** `DELETE /v1/collections/{collection}/sources/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

const query = z.strictObject({
  documents: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: '`true`: what it brought is deleted as well, soon.', default: 'false' }),
})

export const deleteSource = defineRoute({
  method: 'delete',
  path: '/v1/collections/{collection}/sources/{id}',
  operationId: 'deleteSource',
  tag: 'sources',
  summary: 'Delete a source',
  description: 'A run of it ends. Its documents stay unless told otherwise.',
  access: { kind: 'key', anyOf: ['documents:write'], secretOnly: true, unfiltered: true },
  audit: { action: 'source.delete', subject: named('source') },
  query,
  responses: { 204: { description: 'Deleted.' } },
  async handle({ params, principal, collection, query: { documents } }, { sources }) {
    const object = await sources.sourcesOf(requireTenant(principal).uid)
    if (!(await object.deleteSource(collection.id, params.id, documents === 'true'))) throw new Problem('not_found')
    return { status: 204 }
  },
})
