/** `POST /v1/collections/{collection}/search`. */
import { search } from '../../search/search.ts'
import type { SearchRequest } from '../../search/search-request.ts'
import { parseSearchRequest, refusePrivateFields } from '../../search/parse-search-request.ts'
import { searchResultSchema, searchSchema } from '../schemas/search.ts'
import { defineRoute } from '../route.ts'
import { recordSearch } from '../timings.ts'

export const searchCollection = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/search',
  operationId: 'search',
  tag: 'search',
  summary: 'Search a collection',
  callsModels: true,
  isRead: true,
  description:
    'Ranks chunks by meaning and by words, fused into one score. Pages reach rank 1,000 and, without writes, concatenate to exactly the one large page.',
  access: { kind: 'key', anyOf: ['search'] },
  refusals: [410],
  forbid: ({ body }, principal) => refusePrivateFields(body, principal),
  body: {
    schema: searchSchema,
    parse: (value, principal): SearchRequest => {
      parseSearchRequest(value, principal)
      return value as SearchRequest
    },
    example: { query: 'how many passengers does the ferry carry', limit: 5, filter: { year: { $gte: 2020 } } },
  },
  responses: { 200: { description: 'The hits, best first.', schema: searchResultSchema } },
  async handle({ body, charge, collection, principal, timings }, dependencies) {
    const { timings: stages, ...result } = await charge.read('searches', collection.id, (limits) =>
      search(dependencies, [collection], principal, body, limits),
    )
    recordSearch(timings, stages)
    return { status: 200, body: result }
  },
})
