/** Uploads on the wire: what their options may say. */
import { z } from '@hono/zod-openapi'
import {
  MAX_FILE_NAME_BYTES,
  MAX_FILES_PER_UPLOAD,
  MAX_METADATA_BYTES,
  MAX_PRINCIPAL_BYTES,
  MAX_PRINCIPALS,
} from '../../core/limits.ts'
import { jsonObject } from './fields.ts'

/** In characters, and how many of them a mapping may name at one place. */
const MAX_FIELD_LENGTH = 200
const MAX_FIELDS = 100

const field = z.string().min(1).max(MAX_FIELD_LENGTH)
const fieldList = z.array(field).min(1).max(MAX_FIELDS)

const mappingSchema = z
  .strictObject({
    id: field.optional().openapi({ description: "Becomes the document's id." }),
    title: field.optional(),
    text: fieldList
      .optional()
      .openapi({ description: 'In this order; all fields that nothing else names unless given.' }),
    url: field.optional(),
    language: field.optional(),
    metadata: z
      .union([fieldList, z.literal(true)])
      .optional()
      .openapi({
        description: 'Fields that become metadata under their names; `true` for all that nothing else names.',
      }),
  })
  .openapi('FieldMapping', { description: 'Which columns or fields of records become what.' })

export const fileOptionsSchema = z
  .strictObject({
    documents: z.enum(['file', 'rows']).optional().openapi({
      description:
        'Of tables and records: one document for the file, or one for each row. `rows` for jsonl, `file` for csv, tsv, xlsx and json unless given.',
    }),
    mapping: mappingSchema.optional(),
    language: z.string().optional().openapi({ description: 'BCP 47, or `auto` to detect it for each chunk.' }),
    metadata: jsonObject.optional().openapi({
      description: `Of each document, beside what the file says itself; at most ${MAX_METADATA_BYTES} bytes as JSON.`,
    }),
    acl: z
      .array(z.string().min(1))
      .min(1)
      .max(MAX_PRINCIPALS)
      .optional()
      .openapi({
        description: `Who may read each document, as in \`PUT …/documents\`. At most ${MAX_PRINCIPAL_BYTES} bytes each. Secret keys only.`,
      }),
  })
  .openapi('FileOptions', { description: 'Holds for all files of the upload.' })

const file = z.string().openapi({ format: 'binary' })

export const uploadFormSchema = z
  .strictObject({
    options: fileOptionsSchema.optional().openapi({ description: 'Must stand before the files.' }),
    file: z
      .array(file)
      .min(1)
      .max(MAX_FILES_PER_UPLOAD)
      .openapi({
        description: `Each with its name, path included: at most ${MAX_FILE_NAME_BYTES} bytes, relative, \`/\` between folders, unique in the upload.`,
      }),
  })
  .openapi('FileUpload')

export const rawFileSchema = file
