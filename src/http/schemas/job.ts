/** A job on the wire; `ingest/` makes the view. */
import { z } from '@hono/zod-openapi'
import { pageOf, time } from './fields.ts'

export const jobSchema = z
  .object({
    id: z.string().openapi({ example: 'job_x7Qm2LsV0aZp91Rt' }),
    kind: z.literal('documents'),
    collection: z.string(),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']).openapi({
      description: '`succeeded` if at least one item was.',
    }),
    progress: z.object({ done: z.number().int(), total: z.number().int() }),
    counts: z.object({ succeeded: z.number().int(), failed: z.number().int(), cancelled: z.number().int() }),
    failures: z
      .array(z.object({ documentId: z.string(), code: z.string(), detail: z.string().optional() }))
      .openapi({ description: 'The first 100.' }),
    createdAt: time,
    finishedAt: time.nullable(),
  })
  .openapi('Job')

export const jobPageSchema = pageOf(jobSchema, 'JobPage')
