/** Documents, chunks and results of writes on the wire. `ingest/` makes the views; these schemas describe them. */
import { z } from '@hono/zod-openapi'
import {
  MAX_CHUNKS_PER_DOCUMENT,
  MAX_CHUNK_HEADINGS,
  MAX_DOCUMENT_ID_BYTES,
  MAX_DOCUMENT_TEXT_BYTES,
  MAX_DOCUMENTS_PER_CALL,
  MAX_HEADING_LENGTH,
  MAX_PRINCIPAL_BYTES,
  MAX_PRINCIPALS,
} from '../../core/limits.ts'
import { filter, jsonObject, locationFields, pageOf, time } from './fields.ts'
import { documentVectors } from './named-vectors.ts'

const MAX_TITLE_LENGTH = 2_048

export const documentId = z
  .string()
  .min(1)
  .openapi({
    description: `1 to ${MAX_DOCUMENT_ID_BYTES} UTF-8 bytes, no control characters, not \`.\` or \`..\`.`,
    example: 'ferry',
  })

const offset = z.number().int().min(0).openapi({ description: 'UTF-16 code units into the text.' })
const acl = z
  .array(z.string().min(1))
  .min(1)
  .max(MAX_PRINCIPALS)
  .openapi({
    description: `Who may read it beside secret keys: tokens whose \`principals\` share an entry. At most ${MAX_PRINCIPAL_BYTES} bytes each. Secret keys only.`,
    example: ['user:42', 'group:sales'],
  })
const headings = z
  .array(z.string().min(1).max(MAX_HEADING_LENGTH))
  .max(MAX_CHUNK_HEADINGS)
  .optional()
  .openapi({ description: 'What the chunk stands under, outermost first.' })
const chunks = z
  .array(
    z.union([
      z.strictObject({ start: offset, end: offset, headings }),
      z.strictObject({ text: z.string().min(1), headings }),
    ]),
  )
  .min(1)
  .max(MAX_CHUNKS_PER_DOCUMENT)
  .openapi({
    description:
      'Exactly these chunks are indexed: places in `text` or `markdown`, ascending, which may overlap; or, without either, texts that together are the document. Not beside `html` or vectors.',
    example: [{ start: 0, end: 42, headings: ['Fares'] }],
  })
const vector = z.array(z.number()).openapi({ description: 'As many numbers as the collection has dimensions.' })

const documentInputSchema = z
  .strictObject({
    id: documentId,
    text: z
      .string()
      .optional()
      .openapi({ description: `Plain text, at most ${MAX_DOCUMENT_TEXT_BYTES} bytes.` }),
    markdown: z.string().optional().openapi({ description: 'Kept as its source; headings guide the chunks.' }),
    html: z.string().optional().openapi({ description: 'The text is extracted from it.' }),
    title: z.string().max(MAX_TITLE_LENGTH).optional(),
    url: z.string().optional().openapi({ description: 'Absolute, http or https.' }),
    language: z.string().optional().openapi({ description: 'BCP 47, or `auto` to detect it for each chunk.' }),
    metadata: jsonObject.optional().openapi({ description: 'Any JSON; filterable without declaring it first.' }),
    chunks: chunks.optional(),
    vector: vector.optional(),
    vectors: documentVectors.optional(),
    acl: acl.optional(),
  })
  .openapi('DocumentInput', {
    description:
      'Exactly one of `text`, `markdown` and `html`, or `chunks` that are texts, or a `vector` or `vectors`.',
  })

export const putDocumentsSchema = z
  .strictObject({
    documents: z.array(documentInputSchema).min(1).max(MAX_DOCUMENTS_PER_CALL),
    dryRun: z.boolean().optional().openapi({ description: 'Stores nothing and says what would be used.' }),
  })
  .openapi('PutDocuments')

export const putResultSchema = z
  .object({
    results: z.array(
      z.object({
        id: documentId,
        status: z.enum(['created', 'replaced', 'unchanged', 'failed']),
        chunks: z.number().int(),
        version: z.number().int(),
        error: z.object({ code: z.string(), detail: z.string() }).optional(),
      }),
    ),
  })
  .openapi('PutDocumentsResult', { description: "In the request's order." })

const writeEstimateSchema = z
  .object({
    dryRun: z.literal(true),
    documents: z.number().int(),
    chunks: z.number().int(),
    bytes: z.number().int().openapi({ description: 'UTF-8 bytes of the texts.' }),
    embeddingTokens: z.number().int().openapi({ description: 'Model tokens of chunks that want a new vector.' }),
    unchanged: z.number().int(),
    failed: z.number().int(),
    estimatedCost: z.object({ currency: z.literal('USD'), amount: z.number() }),
  })
  .openapi('WriteEstimate', { description: 'Of the documents that would be written. Money is an estimate.' })

export const putAnswerSchema = z.union([putResultSchema, writeEstimateSchema]).openapi('PutDocumentsAnswer')

export const acceptedSchema = z
  .object({ job: z.object({ id: z.string().openapi({ example: 'job_x7Qm2LsV0aZp91Rt' }) }) })
  .openapi('Accepted')

const chunkSchema = z
  .object({
    id: z.string().openapi({ description: '`<documentId>#<ordinal>`.' }),
    ordinal: z.number().int(),
    start: offset,
    end: offset,
    text: z.string(),
    headings: z.array(z.string()),
    ...locationFields,
    truncated: z.literal(true).optional(),
  })
  .openapi('Chunk')

export const documentSchema = z
  .object({
    id: documentId,
    title: z.string().nullable(),
    url: z.string().nullable(),
    language: z.string(),
    metadata: jsonObject,
    acl: z.array(z.string()).optional().openapi({ description: 'For secret keys, of documents that have one.' }),
    version: z.number().int(),
    status: z.enum(['indexed', 'pending']),
    chunkCount: z.number().int(),
    bytes: z.number().int(),
    contentHash: z.string(),
    createdAt: time,
    updatedAt: time,
    text: z.string().optional(),
    chunks: z.array(chunkSchema).optional(),
    vectors: z
      .union([z.array(z.array(z.number()).nullable()), documentVectors])
      .optional()
      .openapi({
        description: 'One a chunk, `null` without one; where the collection names its vectors, as they were sent.',
      }),
  })
  .openapi('Document')

export const documentPageSchema = pageOf(documentSchema, 'DocumentPage')

export const patchDocumentSchema = z
  .strictObject({
    title: z.string().max(MAX_TITLE_LENGTH).nullable().optional(),
    url: z.string().nullable().optional(),
    metadata: jsonObject.optional().openapi({ description: 'Merged (RFC 7396): `null` removes a member.' }),
    acl: acl.nullable().optional().openapi({ description: 'Replaced as a whole; `null` shows it to every reader.' }),
  })
  .openapi('PatchDocument')

export const deleteDocumentsSchema = z
  .union([z.strictObject({ ids: z.array(documentId).min(1).max(MAX_DOCUMENTS_PER_CALL) }), z.strictObject({ filter })])
  .openapi('DeleteDocuments')

export const deletedSchema = z.object({ deleted: z.number().int() }).openapi('Deleted')
