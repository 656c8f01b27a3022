/** `PATCH /v1/collections/{collection}/documents/{id}`: a merge patch of what stands beside the text. */
import { refuseAcl } from '../../ingest/acl.ts'
import { parsePatchRequest, patchDocument } from '../../ingest/patch-document.ts'
import { defined } from '../../core/defined.ts'
import { ingestStores } from '../ingest-stores.ts'
import { acceptedSchema, documentSchema, patchDocumentSchema } from '../schemas/document.ts'
import { acceptedReply, defineRoute } from '../route.ts'

export const patchDocumentRoute = defineRoute({
  method: 'patch',
  path: '/v1/collections/{collection}/documents/{id}',
  operationId: 'patchDocument',
  tag: 'documents',
  summary: "Change a document's title, url, metadata or acl",
  callsModels: true,
  description: 'A merge patch (RFC 7396): `null` removes. Unchanged chunks keep their vectors.',
  access: { kind: 'key', anyOf: ['documents:write'] },
  forbid: ({ body }, principal) => refuseAcl(body, principal),
  headers: { 'If-Match': 'The ETag that the current version must have, or `*`.' },
  body: { schema: patchDocumentSchema, parse: parsePatchRequest, example: { metadata: { draft: null, year: 2022 } } },
  responses: {
    200: { description: 'The document as it is now.', schema: documentSchema, headers: { ETag: 'Its version.' } },
    202: { description: 'Durable, being indexed.', schema: acceptedSchema, headers: { Location: 'The job.' } },
  },
  async handle({ params, body, collection, headers, principal, operationId, charge }, dependencies) {
    const options = defined({ ifMatch: headers.get('if-match') ?? undefined, operationId })
    const outcome = await charge.write(() =>
      patchDocument(ingestStores(dependencies), collection, principal, params.id, body, options),
    )
    if (outcome.kind === 'job') return acceptedReply(outcome.jobId)
    return { status: 200, headers: { etag: outcome.etag }, body: outcome.document }
  },
})
