/** `DELETE /v1/collections/{collection}/documents/{id}`. */
import { deleteDocument } from '../../ingest/delete-documents.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'

export const deleteDocumentRoute = defineRoute({
  method: 'delete',
  path: '/v1/collections/{collection}/documents/{id}',
  operationId: 'deleteDocument',
  tag: 'documents',
  summary: 'Delete a document',
  access: { kind: 'key', anyOf: ['documents:write'] },
  headers: { 'If-Match': 'The ETag that the current version must have, or `*`.' },
  responses: { 204: { description: 'Deleted: no search or list shows it any more.' } },
  async handle({ params, collection, headers, principal }, { placement, sealer }) {
    const options = defined({ ifMatch: headers.get('if-match') ?? undefined })
    await deleteDocument({ placement, sealer }, collection, principal, params.id, options)
    return { status: 204 }
  },
})
