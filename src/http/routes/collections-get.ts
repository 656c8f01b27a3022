/** `GET /v1/collections/{collection}`, with exact statistics from the shards. */
import { collectionStatistics } from '../../ingest/read-documents.ts'
import { collectionView, collectionWithStatisticsSchema } from '../schemas/collection.ts'
import { defineRoute } from '../route.ts'

export const getCollection = defineRoute({
  method: 'get',
  path: '/v1/collections/{collection}',
  operationId: 'getCollection',
  tag: 'collections',
  summary: 'Get a collection with its statistics',
  access: { kind: 'key' },
  responses: { 200: { description: 'The collection.', schema: collectionWithStatisticsSchema } },
  async handle({ collection, principal }, { placement }) {
    const statistics = await collectionStatistics({ placement }, collection, principal)
    return { status: 200, body: { ...collectionView(collection, principal), statistics } }
  },
})
