/** `PUT /v1/collections/{collection}/documents`. */
import { MAX_DOCUMENTS_BODY_BYTES } from '../../core/limits.ts'
import { refuseAcl } from '../../ingest/acl.ts'
import { putDocuments } from '../../ingest/put-documents.ts'
import { parsePutRequest } from '../../ingest/validate-document.ts'
import { defined } from '../../core/defined.ts'
import { ingestStores } from '../ingest-stores.ts'
import { parsePrefer } from '../prefer.ts'
import { acceptedSchema, putAnswerSchema, putDocumentsSchema } from '../schemas/document.ts'
import { acceptedReply, defineRoute } from '../route.ts'

export const putDocumentsRoute = defineRoute({
  method: 'put',
  path: '/v1/collections/{collection}/documents',
  operationId: 'putDocuments',
  tag: 'documents',
  summary: 'Add or replace documents',
  callsModels: true,
  description:
    '200: every document is searchable now. 202: the contents are durable and will be indexed; the job says how it went. A document whose content is unchanged costs nothing. With `dryRun` nothing is stored, and the answer says what would be used. Documents that find no room in a quota fail one by one; where none finds any, the request is refused: 403 for what is stored, 429 for the month and the day.',
  access: { kind: 'key', anyOf: ['documents:write'] },
  forbid: ({ body }, principal) => refuseAcl(body, principal),
  headers: {
    Prefer: '`respond-async` for a job at once; `wait=N` to wait at most N seconds.',
    'If-Match': 'For one document: the ETag that its current version must have, or `*`.',
  },
  body: {
    schema: putDocumentsSchema,
    parse: parsePutRequest,
    maxBytes: MAX_DOCUMENTS_BODY_BYTES,
    example: {
      documents: [
        {
          id: 'ferry',
          markdown: '# Ferry\n\nThe Osprey carries 214 passengers.',
          url: 'https://docs.example/ferry',
          metadata: { year: 2021, tags: ['sea'] },
        },
      ],
    },
  },
  responses: {
    200: { description: 'Searchable now; or what a dry run would use.', schema: putAnswerSchema },
    202: { description: 'Durable, being indexed.', schema: acceptedSchema, headers: { Location: 'The job.' } },
  },
  async handle({ body, collection, headers, principal, operationId, charge }, dependencies) {
    const prefer = parsePrefer(headers.get('prefer'))
    const ifMatch = headers.get('if-match') ?? undefined
    const options = defined({ prefer, ifMatch, operationId })
    const outcome = await charge.write(() =>
      putDocuments(ingestStores(dependencies), collection, principal, body, options),
    )
    if (outcome.kind === 'job') return acceptedReply(outcome.jobId)
    return { status: 200, body: outcome.kind === 'estimate' ? outcome.estimate : { results: outcome.results } }
  },
})
