/** `POST /v1/jobs/{id}/cancel`. */
import { cancelJob } from '../../ingest/jobs.ts'
import { mayReachCollection } from '../../tenancy/principal.ts'
import { jobStores } from '../ingest-stores.ts'
import { jobSchema } from '../schemas/job.ts'
import { defineRoute } from '../route.ts'

export const cancelJobRoute = defineRoute({
  method: 'post',
  path: '/v1/jobs/{id}/cancel',
  operationId: 'cancelJob',
  tag: 'jobs',
  summary: 'Cancel a job',
  description: 'What is not indexed yet will not be; what is stays. A settled job is left as it is.',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true, unfiltered: true },
  responses: {
    202: { description: 'The job as it is now.', schema: jobSchema, headers: { Location: 'The job.' } },
  },
  async handle({ params, principal }, dependencies) {
    const job = await cancelJob(jobStores(dependencies), principal, params.id, (collection) =>
      mayReachCollection(principal, collection),
    )
    return { status: 202, headers: { location: `/v1/jobs/${job.id}` }, body: job }
  },
})
