/** A job on the wire; `ingest/` makes the view. */
import { z } from '@hono/zod-openapi'
import { FILE_STATUSES } from '../../ingest/job-view.ts'
import { pageOf, time } from './fields.ts'

const count = z.number().int()

export const jobFileSchema = z
  .object({
    name: z
      .string()
      .openapi({ description: 'With its path; of an entry of an archive behind the name of the archive.' }),
    documentId: z.string().optional().openapi({ description: 'Of files that are one document.' }),
    status: z.enum(FILE_STATUSES),
    code: z.string().optional().openapi({ description: 'Why it failed; branch on this.' }),
    detail: z.string().optional().openapi({ description: 'What to do about it.' }),
    format: z.string().optional().openapi({ description: 'As its content says.', example: 'pdf' }),
    bytes: count,
    pages: count.optional().openapi({ description: 'Pages, slides or sheets.' }),
    documents: count,
    failedDocuments: count,
    chunks: count,
    embeddedChunks: count.openapi({ description: 'Of the chunks, those that have their vectors.' }),
    reusedChunks: count.openapi({ description: 'Of the chunks, those whose vectors the version before had.' }),
    tokens: count.openapi({ description: 'Of the chunks that were embedded.' }),
    milliseconds: count.openapi({ description: 'Spent on reading and cutting it.' }),
    cost: z
      .object({ currency: z.literal('USD'), amount: z.number() })
      .openapi({ description: 'By list prices, of its tokens and of the chunks that were written: an estimate.' }),
  })
  .openapi('JobFile')

export const jobSchema = z
  .object({
    id: z.string().openapi({ example: 'job_x7Qm2LsV0aZp91Rt' }),
    kind: z
      .enum(['documents', 'files', 'crawl', 'sync'])
      .openapi({ description: 'What its items are, or where they came from.' }),
    collection: z.string(),
    status: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']).openapi({
      description: '`succeeded` if at least one item was.',
    }),
    progress: z.object({ done: z.number().int(), total: z.number().int() }),
    counts: z.object({ succeeded: z.number().int(), failed: z.number().int(), cancelled: z.number().int() }),
    failures: z
      .array(z.object({ documentId: z.string(), code: z.string(), detail: z.string().optional() }))
      .openapi({ description: 'The first 100. Of a file that made no document the id is its name.' }),
    files: z
      .array(jobFileSchema)
      .optional()
      .openapi({ description: 'Of one job whose items are files: the first 100. All of them: `GET …/files`.' }),
    createdAt: time,
    finishedAt: time.nullable(),
  })
  .openapi('Job')

export const jobPageSchema = pageOf(jobSchema, 'JobPage')

export const jobFilePageSchema = pageOf(jobFileSchema, 'JobFilePage')
