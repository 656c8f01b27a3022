/** `POST /v1/collections/{collection}/crawl`. */
import { MAX_SOURCES } from '../../core/limits.ts'
import { defineRoute } from '../route.ts'
import {
  crawlOf,
  crawlSchema,
  sourceOwner,
  startedReply,
  startedSource,
  startedSourceSchema,
} from '../schemas/source.ts'

export const crawl = defineRoute({
  method: 'post',
  path: '/v1/collections/{collection}/crawl',
  operationId: 'crawl',
  tag: 'sources',
  summary: 'Take in the pages of a site',
  description: `Reads public pages, each of which becomes a document whose id is its address; the job names those that could not be read. The same beginning again replaces the settings of the source and lets it run: only what has changed is read, and what has vanished is removed. A tenant has at most ${MAX_SOURCES} sources.`,
  access: { kind: 'key', anyOf: ['documents:write'], secretOnly: true, unfiltered: true },
  audit: { action: 'source.crawl', subject: startedSource },
  body: {
    schema: crawlSchema,
    example: { url: 'https://docs.example/', include: ['/guide/**'], maxPages: 500, schedule: '15 3 * * *' },
  },
  responses: {
    202: { description: 'It runs.', schema: startedSourceSchema, headers: { Location: 'The job of this run.' } },
  },
  async handle({ body, collection, principal, operationId }, { sources }) {
    const owner = sourceOwner(principal, collection)
    const object = await sources.sourcesOf(owner.tenantUid)
    return startedReply(await object.saveSource(operationId, { ...owner, ...crawlOf(body) }))
  },
})
