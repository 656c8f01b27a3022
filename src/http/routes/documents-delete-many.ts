/** `POST /v1/collections/{collection}/documents/delete`: by ids or by filter. */
import { deleteDocuments, parseDeleteRequest } from '../../ingest/delete-documents.ts'
import { deletedSchema, deleteDocumentsSchema } from '../schemas/document.ts'
import { defineRoute } from '../route.ts'

export const deleteDocumentsRoute = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/documents/delete',
  operationId: 'deleteDocuments',
  tag: 'documents',
  summary: 'Delete documents by ids or by filter',
  description: 'Ids that are not there are passed over. Repeating it deletes nothing more.',
  access: { kind: 'key', anyOf: ['documents:write'] },
  body: { schema: deleteDocumentsSchema, parse: parseDeleteRequest, example: { filter: { year: { $lt: 2020 } } } },
  responses: { 200: { description: 'How many were deleted.', schema: deletedSchema } },
  async handle({ body, collection, principal }, { placement }) {
    return { status: 200, body: await deleteDocuments({ placement }, collection, principal, body) }
  },
})
