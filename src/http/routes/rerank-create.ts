/** `POST /v1/rerank`. */
import { MAX_RERANKED_DOCUMENTS } from '../../core/limits.ts'
import { meteredReranker, pricedModel } from '../../models/model-meter.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { rerankResultSchema, rerankSchema } from '../schemas/serving.ts'

export const createRerank = defineRoute({
  method: 'post',
  path: '/v1/rerank',
  operationId: 'rerank',
  tag: 'models',
  summary: 'Rank documents for a query',
  isRead: true,
  callsModels: true,
  saysMessage: true,
  description: `In the shape of Cohere and Jina. At most ${MAX_RERANKED_DOCUMENTS} documents.`,
  access: { kind: 'key', anyOf: ['search'], secretOnly: true },
  body: {
    schema: rerankSchema,
    example: {
      model: '@cf/baai/bge-reranker-base',
      query: 'how many passengers does the ferry carry',
      documents: ['The ferry carries 120 passengers.', 'The heron nests by the weir.'],
      top_n: 1,
    },
  },
  responses: { 200: { description: 'The documents by their scores.', schema: rerankResultSchema } },
  async handle({ body, charge, principal, operationId }, { modelNames, models }) {
    const { uid: tenantUid } = requireTenant(principal)
    const model = await modelNames.find(tenantUid, body.model, 'rerank', '/model')
    const texts = body.documents.map((document) => (typeof document === 'string' ? document : document.text))
    const reranker = models.reranker(model, { tenantUid })
    const { scores, tokens } = await charge.spend((meter) =>
      meteredReranker(reranker, pricedModel(model), meter).rerank(body.query, texts),
    )
    const ranked = [...scores.entries()].sort(([i, a], [j, b]) => b - a || i - j).slice(0, body.top_n)
    return {
      status: 200,
      body: {
        id: `rrk_${operationId}`,
        model: body.model,
        results: ranked.map(([index, score]) => ({
          index,
          relevance_score: score,
          ...(body.return_documents === true ? { document: { text: texts[index] } } : {}),
        })),
        usage: { total_tokens: tokens },
      },
    }
  },
})
