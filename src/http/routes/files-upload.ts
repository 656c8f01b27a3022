/** `POST /v1/collections/{collection}/files`. */
import { z } from '@hono/zod-openapi'
import { MAX_FILE_BYTES, MAX_STREAMED_FILE_BYTES } from '../../core/limits.ts'
import { ReceivingUpload } from '../../files/receive-upload.ts'
import { isRestricted, requireTenant } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { peekOptions, refuseOptionsAcl } from '../file-options.ts'
import { receiveFiles } from '../incoming-files.ts'
import { acceptedReply, defineRoute } from '../route.ts'
import { acceptedSchema } from '../schemas/document.ts'
import { rawFileSchema, uploadFormSchema } from '../schemas/file.ts'

const SIZES = `At most ${MAX_STREAMED_FILE_BYTES / 1e6} MB for txt, csv, tsv, jsonl, mbox and zip, ${MAX_FILE_BYTES / 1e6} MB for other formats`

export const uploadFilesRoute = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/files',
  operationId: 'uploadFiles',
  tag: 'documents',
  summary: 'Upload files',
  description: `A form with any number of fields \`file\`, or a raw body of any content type with its name in the query. 202: every original is durable and will be read, cut and indexed, or its entry in the job says why not. A file's name is its identity in the collection: uploading it again replaces what came of it before, and costs nothing where nothing changed. ${SIZES}. What a file is, its content says.`,
  access: { kind: 'key', anyOf: ['documents:write'] },
  forbid: ({ parameters }, principal) => refuseOptionsAcl(peekOptions(parameters.get('options')), principal),
  query: z.strictObject({
    name: z
      .string()
      .optional()
      .openapi({ description: 'Of a raw body: its name with its path.', example: 'guides/ferry.pdf' }),
    options: z.string().optional().openapi({ description: 'Of a raw body: `FileOptions` as JSON.' }),
  }),
  upload: {
    content: {
      'multipart/form-data': {
        schema: uploadFormSchema,
        example: { options: { metadata: { team: 'sea' } }, file: ['guides/ferry.pdf', 'timetable.xlsx'] },
      },
      'application/octet-stream': { schema: rawFileSchema },
    },
    limits: `A file is too large. ${SIZES}.`,
    async receive({ query, collection, principal }, body, dependencies) {
      const { files, originals, catalog } = dependencies
      const { uid } = requireTenant(principal)
      const upload = await receiveFiles(body, query, principal, async (options) =>
        ReceivingUpload.open({ files: await files.of(uid), originals, jobs: catalog.jobs }, collection, options),
      )
      return { value: upload, digest: () => upload.digest(), drop: () => upload.drop() }
    },
  },
  responses: {
    202: { description: 'The originals are durable.', schema: acceptedSchema, headers: { Location: 'The job.' } },
  },
  async handle({ body, principal }, { announceFiles }) {
    const { keyId, filter } = principal
    const jobId = await body.accept(defined({ keyId, filter, mayWriteAcl: !isRestricted(principal) }))
    announceFiles?.(requireTenant(principal).uid)
    return acceptedReply(jobId)
  },
})
