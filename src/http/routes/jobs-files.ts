/** `GET /v1/jobs/{id}/files`. */
import { z } from '@hono/zod-openapi'
import { FILE_STATUSES } from '../../ingest/job-view.ts'
import { listJobFiles } from '../../ingest/jobs.ts'
import { mayReachCollection } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { jobStores } from '../ingest-stores.ts'
import { defineRoute } from '../route.ts'
import { pageQuery } from '../schemas/fields.ts'
import { jobFilePageSchema } from '../schemas/job.ts'

export const listJobFilesRoute = defineRoute({
  method: 'get',
  path: '/v1/jobs/{id}/files',
  operationId: 'listJobFiles',
  tag: 'jobs',
  summary: 'List the files of a job',
  description: 'Each with how far it has come, what it made, and why it failed. A job of documents has none.',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true },
  query: pageQuery.extend({
    status: z.enum(FILE_STATUSES).optional().openapi({ description: 'Only files that stand there.' }),
  }),
  responses: { 200: { description: 'In the order in which they came.', schema: jobFilePageSchema } },
  async handle({ params, query, principal }, dependencies) {
    const page = await listJobFiles(jobStores(dependencies), principal, params.id, defined(query), (collection) =>
      mayReachCollection(principal, collection),
    )
    return { status: 200, body: page }
  },
})
