/** `GET /v1/collections/{collection}/sources/{id}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { sourceSchema, sourceView } from '../schemas/source.ts'

export const getSource = defineRoute({
  method: 'get',
  path: '/v1/collections/{collection}/sources/{id}',
  operationId: 'getSource',
  tag: 'sources',
  summary: 'Get a source',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true, unfiltered: true },
  responses: { 200: { description: 'The source, with its run and the one before.', schema: sourceSchema } },
  async handle({ params, principal, collection }, { sources }) {
    const object = await sources.sourcesOf(requireTenant(principal).uid)
    const source = await object.getSource(collection.id, params.id)
    if (source === undefined) throw new Problem('not_found')
    return { status: 200, body: sourceView(source, collection) }
  },
})
