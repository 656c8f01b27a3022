/** `POST /v1/collections/{collection}/answers`. */
import { answer } from '../../answer/answer.ts'
import type { AnswerRequest } from '../../answer/answer-request.ts'
import { parseAnswerRequest } from '../../answer/parse-answer-request.ts'
import { isJsonObject } from '../../core/faults.ts'
import { refusePrivateFields } from '../../search/parse-search-request.ts'
import { answerResultSchema, answerSchema } from '../schemas/search.ts'
import { defineRoute } from '../route.ts'
import { recordSearch } from '../timings.ts'

export const createAnswer = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/answers',
  operationId: 'answer',
  tag: 'answers',
  summary: 'Answer a question from a collection',
  callsModels: true,
  isRead: true,
  description:
    'Quotes the sentences that answer and cites each one; every citation was checked against its document. Where nothing supports an answer it abstains: `answer` is empty.',
  access: { kind: 'key', anyOf: ['answer'] },
  forbid: ({ body }, principal) => {
    if (isJsonObject(body)) refusePrivateFields(body['search'], principal, '/search')
  },
  body: {
    schema: answerSchema,
    parse: (value, principal): AnswerRequest => {
      parseAnswerRequest(value, principal)
      return value as AnswerRequest
    },
    example: { question: 'How many passengers does the ferry carry?', search: { filter: { year: { $gte: 2020 } } } },
  },
  responses: { 200: { description: 'The answer, or an abstention.', schema: answerResultSchema } },
  async handle({ body, charge, collection, principal, timings }, dependencies) {
    const { timings: stages, ...result } = await charge.read('answers', collection.id, ({ meter }) =>
      answer(dependencies, collection, principal, body, { meter }),
    )
    recordSearch(timings, stages)
    return { status: 200, body: result }
  },
})
