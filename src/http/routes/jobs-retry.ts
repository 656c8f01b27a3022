/** `POST /v1/jobs/{id}/retry`. */
import { retryJob } from '../../ingest/jobs.ts'
import { mayReachCollection } from '../../tenancy/principal.ts'
import { jobStores } from '../ingest-stores.ts'
import { acceptedReply, defineRoute } from '../route.ts'
import { acceptedSchema } from '../schemas/document.ts'

export const retryJobRoute = defineRoute({
  method: 'post',
  path: '/v1/jobs/{id}/retry',
  operationId: 'retryJob',
  tag: 'jobs',
  summary: 'Try the failed files of a job again',
  description:
    'And those of which only some documents failed. Originals of failed files are kept for 7 days. The job goes on under its id. Without any, and for jobs of documents, 409.',
  access: { kind: 'key', anyOf: ['documents:write'], secretOnly: true, unfiltered: true },
  responses: {
    202: { description: 'They are queued again.', schema: acceptedSchema, headers: { Location: 'The job.' } },
  },
  async handle({ params, principal }, dependencies) {
    const id = await retryJob(jobStores(dependencies), principal, params.id, (collection) =>
      mayReachCollection(principal, collection),
    )
    return acceptedReply(id)
  },
})
