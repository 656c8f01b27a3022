/** Parts of a tenant's archive on the wire, as its lines hold them. */
import { z } from '@hono/zod-openapi'
import { STRATEGIES } from '../../chunking/strategies.ts'
import { isCollectionName } from '../../catalog/collections.ts'
import {
  MAX_ARCHIVED_COLLECTIONS,
  MAX_CHUNKS_PER_DOCUMENT,
  MAX_DIMENSIONS,
  MAX_DOCUMENTS_PER_CALL,
  MAX_DOCUMENT_TEXT_BYTES,
  MAX_MODEL_LANGUAGES,
  MAX_MODEL_PREFIX_LENGTH,
  MAX_PROVIDER_NAME_LENGTH,
  MAX_SHARDS,
  MIN_CHUNK_TOKENS,
} from '../../core/limits.ts'
import { isLanguageTag } from '../../text/language.ts'
import { collectionName, languageField, settingsOf, settingsSchema } from './collection.ts'
import { jsonObject, locationFields, time } from './fields.ts'
import { archivedSourceSchema } from './model.ts'
import { archivedVectorsSchema } from './named-vectors.ts'

/** Each write takes the next one, which must be a whole number for ever. */
const MAX_VERSION = 2 ** 40

const natural = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')
const instant = time.refine((text) => /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text)), {
  message: 'must be an RFC 3339 time in UTC',
})

const tokens = z
  .number()
  .int()
  .min(1)
  .max(2 ** 40)

const archivedProfileSchema = z
  .strictObject({
    id: z.string().min(1).max(200),
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS),
    maxTokens: tokens,
    queryPrefix: z.string().max(MAX_MODEL_PREFIX_LENGTH),
    passagePrefix: z.string().max(MAX_MODEL_PREFIX_LENGTH),
    pooling: z.enum(['mean', 'cls', 'last', 'none']),
    normalised: z.boolean(),
    languages: z.array(z.string().max(20)).max(MAX_MODEL_LANGUAGES),
    version: tokens,
    matryoshka: z.array(tokens).max(100),
    licence: z.string().max(100),
    pricePerMillionTokens: z.number().min(0),
  })
  .openapi('ArchivedProfile')

/** The model of a collection, where it is not inside the Worker: by name, or without its keys. */
const archivedModelSchema = z
  .union([
    z.strictObject({ profile: archivedProfileSchema, name: z.string().min(1).max(MAX_PROVIDER_NAME_LENGTH) }),
    z.strictObject({ profile: archivedProfileSchema, source: archivedSourceSchema }),
  ])
  .openapi('ArchivedModel', { description: "Keys are not in it: the tenant's owner gives them again." })

export const archivedCollectionSchema = z
  .strictObject({
    name: collectionName,
    language: languageField,
    settings: settingsSchema.transform((settings) => settingsOf(settings)),
    profileId: z.string().min(1).max(200),
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS),
    vectors: archivedVectorsSchema.optional(),
    model: archivedModelSchema.optional(),
    chunking: z.strictObject({
      strategy: z.enum(STRATEGIES),
      size: z.number().int().min(MIN_CHUNK_TOKENS).max(100_000),
      overlap: z.number().int().min(0).max(100_000),
    }),
    shards: z.number().int().min(1).max(MAX_SHARDS),
    precision: z.enum(['int8', 'f32']),
    modelChoice: z
      .literal('open')
      .optional()
      .openapi({ description: 'The first documents are still to choose the model.' }),
  })
  .openapi('ArchivedCollection')

/** A block of a text whose own structure is gone, or that the caller cut. */
const outlineBlockSchema = z.strictObject({
  start: natural,
  end: natural,
  kind: z.enum(['heading', 'paragraph', 'list', 'table', 'code', 'row', 'chunk']),
  level: z.number().int().min(1).max(6).optional(),
  headings: z.array(z.string()).max(100).optional(),
  ...locationFields,
})

const archivedChunkSchema = z
  .strictObject({
    start: natural,
    end: natural,
    headings: z.array(z.string()).max(100),
    prefix: z.string(),
    language: z.string().refine((tag) => tag === 'und' || isLanguageTag(tag), 'must be a language tag'),
    tokens: natural.max(MAX_DOCUMENT_TEXT_BYTES),
    truncated: z.boolean(),
    vectorKey: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'must be 32 hex digits')
      .optional(),
    vector: z.string().min(1).optional().openapi({ description: 'Its bytes as stored, base64url.' }),
    location: z.strictObject(locationFields).optional(),
  })
  .openapi('ArchivedChunk')

export const archivedDocumentSchema = z
  .strictObject({
    collection: z.string().refine(isCollectionName, "must be a collection's name"),
    id: z.string(),
    title: z.string().optional(),
    url: z.string().optional(),
    language: z.string().optional(),
    metadata: jsonObject,
    acl: z.array(z.string()).optional(),
    format: z.enum(['text', 'markdown', 'html', 'extracted', 'code']),
    text: z.string(),
    outline: z.array(outlineBlockSchema).max(1_000_000).optional(),
    contentHash: sha256,
    version: z.number().int().min(1).max(MAX_VERSION),
    createdAt: instant,
    updatedAt: instant,
    chunks: z.array(archivedChunkSchema).max(MAX_CHUNKS_PER_DOCUMENT),
  })
  .openapi('ArchivedDocument')

export const archivePartSchema = z
  .strictObject({
    collections: z.array(archivedCollectionSchema).max(MAX_ARCHIVED_COLLECTIONS).optional(),
    documents: z.array(archivedDocumentSchema).min(1).max(MAX_DOCUMENTS_PER_CALL).optional(),
  })
  .openapi('ArchivePart', { description: 'Lines of an archive, without their `type`.' })
