/** `GET /v1/webhooks`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { defineRoute } from '../route.ts'
import { pageQuery } from '../schemas/fields.ts'
import { webhookPageSchema, webhookView } from '../schemas/webhook.ts'

export const listWebhooks = defineRoute({
  method: 'get',
  path: '/v1/webhooks',
  operationId: 'listWebhooks',
  tag: 'webhooks',
  summary: 'List webhooks',
  access: { kind: 'admin' },
  query: pageQuery,
  responses: { 200: { description: 'By id, ascending.', schema: webhookPageSchema } },
  async handle({ query, principal }, { tenantObjects, sealer }) {
    const { uid } = requireTenant(principal)
    const object = await tenantObjects.of(uid)
    const body = await listPage(
      sealer,
      `webhooks/${uid}`,
      query,
      async ({ limit, ...rest }) => {
        const rows = await object.listWebhooks({ limit: limit + 1, ...rest })
        const data = rows.slice(0, limit)
        const last = data.at(-1)
        return rows.length > limit && last !== undefined ? { data, nextAfter: last.id } : { data }
      },
      webhookView,
    )
    return { status: 200, body }
  },
})
