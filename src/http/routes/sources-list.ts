/** `GET /v1/collections/{collection}/sources`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { defineRoute } from '../route.ts'
import { pageQuery } from '../schemas/fields.ts'
import { sourcePageSchema, sourceView } from '../schemas/source.ts'

export const listSources = defineRoute({
  method: 'get',
  path: '/v1/collections/{collection}/sources',
  operationId: 'listSources',
  tag: 'sources',
  summary: 'List sources',
  access: { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true, unfiltered: true },
  query: pageQuery,
  responses: { 200: { description: 'By id, ascending.', schema: sourcePageSchema } },
  async handle({ query, principal, collection }, { sources, sealer }) {
    const object = await sources.sourcesOf(requireTenant(principal).uid)
    const body = await listPage(
      sealer,
      `sources/${collection.id}`,
      query,
      async ({ limit, ...rest }) => {
        const rows = await object.listSources(collection.id, { limit: limit + 1, ...rest })
        const data = rows.slice(0, limit)
        const last = data.at(-1)
        return rows.length > limit && last !== undefined ? { data, nextAfter: last.id } : { data }
      },
      (source) => sourceView(source, collection),
    )
    return { status: 200, body }
  },
})
