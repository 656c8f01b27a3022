/** `GET /v1/jobs/{id}`. */
import { getJob } from '../../ingest/jobs.ts'
import { mayReachCollection } from '../../tenancy/principal.ts'
import { jobStores } from '../ingest-stores.ts'
import { jobSchema } from '../schemas/job.ts'
import { defineRoute } from '../route.ts'

export const getJobRoute = defineRoute({
  method: 'get',
  path: '/v1/jobs/{id}',
  operationId: 'getJob',
  tag: 'jobs',
  summary: 'Get a job with its exact progress',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true },
  responses: { 200: { description: 'The job.', schema: jobSchema } },
  async handle({ params, principal }, dependencies) {
    const job = await getJob(jobStores(dependencies), principal, params.id, (collection) =>
      mayReachCollection(principal, collection),
    )
    return { status: 200, body: job }
  },
})
