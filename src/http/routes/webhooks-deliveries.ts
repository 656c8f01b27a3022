/** `GET /v1/webhooks/{id}/deliveries`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { defineRoute } from '../route.ts'
import { pageQuery } from '../schemas/fields.ts'
import { deliveryPageSchema, deliveryPlace, deliveryView, placeOf } from '../schemas/webhook.ts'

export const listWebhookDeliveries = defineRoute({
  method: 'get',
  path: '/v1/webhooks/{id}/deliveries',
  operationId: 'listWebhookDeliveries',
  tag: 'webhooks',
  summary: 'List the deliveries of a webhook',
  description: 'Those of the last 7 days, with every attempt.',
  access: { kind: 'admin' },
  query: pageQuery,
  responses: { 200: { description: 'Newest first.', schema: deliveryPageSchema } },
  async handle({ params, query, principal }, { tenantObjects, sealer }) {
    const { uid } = requireTenant(principal)
    const object = await tenantObjects.of(uid)
    const body = await listPage(
      sealer,
      `webhook-deliveries/${uid}/${params.id}`,
      query,
      async ({ limit, after }) => {
        const before = after === undefined ? {} : { before: deliveryPlace(after) }
        const rows = await object.listDeliveries(params.id, { limit: limit + 1, ...before })
        if (rows === undefined) throw new Problem('not_found')
        const data = rows.slice(0, limit)
        const last = data.at(-1)
        return rows.length > limit && last !== undefined ? { data, nextAfter: placeOf(last) } : { data }
      },
      deliveryView,
    )
    return { status: 200, body }
  },
})
