/** `POST /v1/models/train`. */
import { z } from '@hono/zod-openapi'
import {
  MAX_TRAINED_DIMENSIONS,
  MAX_TRAINING_TEXT,
  MAX_TRAINING_WINDOW,
  MIN_TRAINED_DIMENSIONS,
} from '../../core/limits.ts'
import { trainingTexts } from '../../ingest/training-texts.ts'
import { primarySubtag } from '../../text/language.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { told } from '../audit-trail.ts'
import { findCollection } from '../find-collection.ts'
import { keepWordVectors } from '../keep-word-vectors.ts'
import { defineRoute } from '../route.ts'
import { licence } from '../schemas/fields.ts'
import { modelId, modelSchema } from '../schemas/model.ts'

const DEFAULT_DIMENSIONS = 128
/** A word that was seen once has no neighbours that could be told from chance. */
const DEFAULT_MIN_COUNT = 2
/** Wide windows tell subjects, narrow ones grammar: nDCG@10 of .302 instead of .289 (10) on Cranfield, .353 of .346 on DBpedia. */
const DEFAULT_WINDOW = 20

const integer = (least: number, most: number, byDefault: number) =>
  z.number().int().min(least).max(most).optional().openapi({ default: byDefault })

const schema = z
  .strictObject({
    id: modelId,
    collection: z.string().min(1).openapi({ description: 'Name or id of the collection whose text is read.' }),
    method: z.literal('ppmi-svd').openapi({
      description:
        'Counts of words near each other, weighed by positive mutual information, reduced by singular values.',
    }),
    dimensions: integer(MIN_TRAINED_DIMENSIONS, MAX_TRAINED_DIMENSIONS, DEFAULT_DIMENSIONS).openapi({
      description: 'At most; never more than one for four words.',
    }),
    minCount: integer(1, 1_000, DEFAULT_MIN_COUNT).openapi({ description: 'Words seen less often are left out.' }),
    window: integer(1, MAX_TRAINING_WINDOW, DEFAULT_WINDOW).openapi({
      description: 'Words on each side that count as near.',
    }),
    licence: licence.optional(),
  })
  .openapi('TrainModel')

export const trainModel = defineRoute({
  method: 'post',
  path: '/v1/models/train',
  operationId: 'trainModel',
  tag: 'models',
  summary: "Train word vectors on a collection's text",
  description: `Reads ${MAX_TRAINING_TEXT / 1e6} million characters at most and answers when it is done, some seconds later. The model knows the words of that text; it does not change when the collection does.`,
  // The root key trains nothing: it reads no documents.
  access: { kind: 'key', anyOf: ['admin'] },
  audit: { action: 'model.train', subject: told },
  namesCollections: true,
  body: {
    schema,
    example: { id: 'our-words', collection: 'handbook', method: 'ppmi-svd', dimensions: 128 },
  },
  responses: {
    201: { description: 'The model.', schema: modelSchema, headers: { Location: 'Where it is.' } },
  },
  async handle({ body, principal, operationId, charge }, dependencies) {
    const { id, dimensions, minCount, window, licence: licensed } = body
    const collection = await findCollection(dependencies.catalog, principal, body.collection)
    await charge.judge()
    const texts = await trainingTexts(dependencies, collection, MAX_TRAINING_TEXT)
    const made = await dependencies.wordVectors.train(texts, {
      dimensions: dimensions ?? DEFAULT_DIMENSIONS,
      minCount: minCount ?? DEFAULT_MIN_COUNT,
      window: window ?? DEFAULT_WINDOW,
      ...(collection.language === 'auto' ? {} : { languages: [primarySubtag(collection.language)] }),
      ...(licensed === undefined ? {} : { licence: licensed }),
    })
    return keepWordVectors(dependencies, { tenantUid: requireTenant(principal).uid, name: id, operationId, made })
  },
})
