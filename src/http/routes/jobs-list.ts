/** `GET /v1/jobs`. */
import { listJobs } from '../../ingest/jobs.ts'
import { mayReachCollection } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { jobStores } from '../ingest-stores.ts'
import { pageQuery } from '../schemas/fields.ts'
import { jobPageSchema } from '../schemas/job.ts'
import { defineRoute } from '../route.ts'

export const listJobsRoute = defineRoute({
  method: 'get',
  path: '/v1/jobs',
  operationId: 'listJobs',
  tag: 'jobs',
  summary: 'List jobs',
  description: 'Those of the collections that the key reaches; a key with a filter sees those that it asked for.',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true },
  query: pageQuery,
  responses: { 200: { description: 'Newest first.', schema: jobPageSchema } },
  async handle({ query, principal }, dependencies) {
    const page = await listJobs(jobStores(dependencies), principal, defined(query), (collection) =>
      mayReachCollection(principal, collection),
    )
    return { status: 200, body: page }
  },
})
