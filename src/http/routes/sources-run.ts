/** `POST /v1/collections/{collection}/sources/{id}/run`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { startedReply, startedSourceSchema } from '../schemas/source.ts'

export const runSource = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/sources/{id}/run',
  operationId: 'runSource',
  tag: 'sources',
  summary: 'Let a source run now',
  description: 'One that runs already goes on, and its job is answered.',
  access: { kind: 'key', anyOf: ['documents:write'], secretOnly: true, unfiltered: true },
  responses: {
    202: { description: 'It runs.', schema: startedSourceSchema, headers: { Location: 'The job of this run.' } },
  },
  async handle({ params, principal, collection, operationId }, { sources }) {
    const object = await sources.sourcesOf(requireTenant(principal).uid)
    const jobId = await object.startSource(collection.id, params.id, operationId)
    if (jobId === undefined) throw new Problem('not_found')
    return startedReply({ sourceId: params.id, jobId })
  },
})
