/** `GET /v1/collections/{collection}/documents`. */
import { listDocuments } from '../../ingest/read-documents.ts'
import { defined } from '../../core/defined.ts'
import { narrowPage } from '../list-page.ts'
import { documentPageSchema } from '../schemas/document.ts'
import { pageQuery } from '../schemas/fields.ts'
import { defineRoute } from '../route.ts'

export const listDocumentsRoute = defineRoute({
  method: 'get',
  path: '/v1/collections/{collection}/documents',
  operationId: 'listDocuments',
  tag: 'documents',
  summary: 'List documents',
  access: { kind: 'key', anyOf: ['documents:read'] },
  query: pageQuery,
  narrowQuery: narrowPage,
  responses: {
    200: { description: 'By the UTF-8 bytes of the id, ascending; without texts.', schema: documentPageSchema },
  },
  async handle({ query, collection, principal }, { placement, sealer }) {
    return { status: 200, body: await listDocuments({ placement, sealer }, collection, principal, defined(query)) }
  },
})
