/** Named vectors on the wire: as a collection defines them, and as documents bring them. */
import { z } from '@hono/zod-openapi'
import {
  MAX_DIMENSIONS,
  MAX_DOCUMENT_VECTOR_VALUES,
  MAX_MULTI_VECTOR_ROWS,
  MAX_NAMED_VECTORS,
} from '../../core/limits.ts'
import { isVectorName, VECTOR_NAME_RULE } from '../../models/named-vectors.ts'

const definition = z
  .strictObject({
    dimensions: z.number().int().min(1).max(MAX_DIMENSIONS),
    metric: z.literal('cosine').optional(),
    multi: z
      .boolean()
      .optional()
      .openapi({ description: 'A document has many rows of it, which are compared by late interaction.' }),
  })
  .openapi('NamedVector')

export const namedVectorsSchema = z
  .record(z.string(), definition)
  .superRefine((definitions, context) => {
    const names = Object.keys(definitions)
    if (names.length === 0 || names.length > MAX_NAMED_VECTORS) {
      context.addIssue({ code: 'custom', message: `must name 1 to ${MAX_NAMED_VECTORS} vectors` })
    }
    for (const name of names) {
      if (!isVectorName(name))
        context.addIssue({ code: 'custom', path: [name], message: `the name ${VECTOR_NAME_RULE}` })
    }
  })
  .openapi({
    description: `At most ${MAX_NAMED_VECTORS}, by names of a-z, 0-9, \`_\` and \`-\`. Searches use the first unless they name another.`,
    example: { title: { dimensions: 384 }, tokens: { dimensions: 128, multi: true } },
  })

/** The definitions in order, as an archive holds them. */
export const archivedVectorsSchema = z
  .array(
    z.strictObject({
      name: z.string().refine(isVectorName, VECTOR_NAME_RULE),
      dimensions: z.number().int().min(1).max(MAX_DIMENSIONS),
      multi: z.literal(true).optional(),
    }),
  )
  .min(1)
  .max(MAX_NAMED_VECTORS)
  .refine((vectors) => new Set(vectors.map(({ name }) => name)).size === vectors.length, 'must have different names')

const numbers = z.array(z.number())

/** A document's vectors; `ingest/` checks them. */
export const documentVectors = z.record(z.string(), z.union([numbers, z.array(numbers)])).openapi({
  description: `Where the collection names its vectors: by name, an array of numbers, or of at most ${MAX_MULTI_VECTOR_ROWS} rows for a multi-vector; ${MAX_DOCUMENT_VECTOR_VALUES} numbers in all. Names may be missing.`,
  example: {
    title: [0.12, -0.4],
    tokens: [
      [0.3, 0.1],
      [0.2, -0.7],
    ],
  },
})
