/** `POST /v1/models/import`. */
import { z } from '@hono/zod-openapi'
import { canonicalJson } from '../../core/canonical-json.ts'
import { sha256, utf8 } from '../../core/bytes.ts'
import { MAX_VOCABULARY_WORDS, MAX_WORD_VECTORS_BYTES } from '../../core/limits.ts'
import type { ImportOptions } from '../../models/word-vector-models.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { told } from '../audit-trail.ts'
import { defined } from '../../core/defined.ts'
import { keepWordVectors } from '../keep-word-vectors.ts'
import { defineRoute } from '../route.ts'
import { integerParameter, licence } from '../schemas/fields.ts'
import { rawFileSchema } from '../schemas/file.ts'
import { modelId, modelSchema } from '../schemas/model.ts'

const FORMATS = ['auto', 'word2vec', 'word2vec-binary', 'glove', 'fasttext'] as const

const query = z.strictObject({
  id: modelId,
  format: z.enum(FORMATS).optional().openapi({
    description: 'What wrote the file; its beginning tells unless told.',
    default: 'auto',
  }),
  maxWords: integerParameter(1, MAX_VOCABULARY_WORDS, MAX_VOCABULARY_WORDS).openapi({
    description: 'Rows to read at most. Files have the most frequent words first.',
  }),
  languages: z
    .string()
    .regex(/^[a-z]{2,3}(,[a-z]{2,3}){0,31}$/, 'must be primary language subtags with commas between them')
    .optional()
    .openapi({ description: 'What the vectors know; any language unless told.', example: 'en,de' }),
  licence: licence.optional(),
  cut: z.enum(['true', 'false']).optional().openapi({
    description: 'Whether the body is the beginning of a longer file: its last row may then be incomplete.',
    default: 'false',
  }),
})

const SIZE = `at most ${MAX_WORD_VECTORS_BYTES / 1e6} MB`

function optionsOf({
  format = 'auto',
  maxWords,
  languages,
  licence: licensed,
  cut,
}: z.output<typeof query>): ImportOptions {
  return defined({
    format: format === 'auto' ? undefined : format,
    maxWords,
    languages: languages?.split(','),
    licence: licensed,
    isCut: cut === 'true',
  })
}

export const importModel = defineRoute({
  method: 'post',
  path: '/v1/models/import',
  operationId: 'importModel',
  tag: 'models',
  summary: 'Import word vectors',
  description: `The body is a file that word2vec (text or binary), GloVe or fastText (\`.vec\`) wrote, ${SIZE}; of a longer one send the beginning. The words that fit 24 MB in 8 bits a value are kept, the first of the file first. Words that the file lacks get vectors from their character n-grams.`,
  access: { kind: 'admin' },
  audit: { action: 'model.import', subject: told },
  query,
  upload: {
    content: { 'application/octet-stream': { schema: rawFileSchema } },
    limits: `The file is too large: ${SIZE}.`,
    async receive({ query: asked }, body, { wordVectors }) {
      const made = await wordVectors.importFile(() => body.next(), optionsOf(asked))
      const said = canonicalJson({ ...defined(asked), sha256: made.sha256 })
      return { value: made, digest: () => sha256(utf8(said)), drop: async () => {} }
    },
  },
  responses: {
    201: { description: 'The model.', schema: modelSchema, headers: { Location: 'Where it is.' } },
  },
  handle: ({ body, query: { id }, principal, operationId }, dependencies) =>
    keepWordVectors(dependencies, { tenantUid: requireTenant(principal).uid, name: id, operationId, made: body }),
})
