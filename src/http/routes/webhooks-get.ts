/** `GET /v1/webhooks/{id}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { webhookSchema, webhookView } from '../schemas/webhook.ts'

export const getWebhook = defineRoute({
  method: 'get',
  path: '/v1/webhooks/{id}',
  operationId: 'getWebhook',
  tag: 'webhooks',
  summary: 'Get a webhook',
  access: { kind: 'admin' },
  responses: { 200: { description: 'The webhook, without its secret.', schema: webhookSchema } },
  async handle({ params, principal }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    const webhook = await object.getWebhook(params.id)
    if (webhook === undefined) throw new Problem('not_found')
    return { status: 200, body: webhookView(webhook) }
  },
})
