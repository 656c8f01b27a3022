/** `GET /v1/collections/{collection}/documents/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { readDocument } from '../../ingest/read-documents.ts'
import type { DocumentInclude } from '../../shard/shard-api.ts'
import { isRestricted } from '../../tenancy/principal.ts'
import { documentSchema } from '../schemas/document.ts'
import { defineRoute } from '../route.ts'

const PARTS: readonly string[] = ['text', 'chunks', 'vectors'] satisfies DocumentInclude[]

const include = z
  .string()
  .transform((list) => [...new Set(list.split(','))])
  .refine((parts) => parts.every((part) => PARTS.includes(part)), 'must be a list of text, chunks and vectors')
  .transform((parts) => parts as DocumentInclude[])
  .optional()
  .openapi({
    type: 'string',
    example: 'text,chunks',
    description: 'A comma-separated list of `text`, `chunks` and `vectors`; `vectors` not for public keys and tokens.',
  })

/** A vector gives away what it was made of, and is worth its embedding. */
const vectorsRefused = (): Problem =>
  new Problem('forbidden', '/include: vectors are refused for public keys and tokens', {
    errors: [{ pointer: '/include', detail: 'must not name vectors for public keys and tokens' }],
  })

export const getDocument = defineRoute({
  method: 'get',
  path: '/v1/collections/{collection}/documents/{id}',
  operationId: 'getDocument',
  tag: 'documents',
  summary: 'Get a document',
  access: { kind: 'key', anyOf: ['documents:read'] },
  headers: { 'If-None-Match': 'An ETag; 304 if the document is still that version.' },
  forbid: ({ parameters }, principal) => {
    const asked = parameters.getAll('include').flatMap((list) => list.split(','))
    if (isRestricted(principal) && asked.includes('vectors')) throw vectorsRefused()
  },
  query: z.strictObject({ include }),
  responses: {
    200: { description: 'The document.', schema: documentSchema, headers: { ETag: 'Its version.' } },
    304: { description: 'Unchanged.' },
  },
  async handle({ params, query, collection, headers, principal }, { placement, sealer }) {
    const { document, etag } = await readDocument(
      { placement, sealer },
      collection,
      principal,
      params.id,
      query.include ?? [],
    )
    const known = headers.get('if-none-match')?.split(',') ?? []
    // Weak comparison (RFC 9110, 13.1.2): the tag is of the version, whatever parts of it are asked for.
    if (known.some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*')) {
      return { status: 304, headers: { etag } }
    }
    return { status: 200, headers: { etag }, body: document }
  },
})
