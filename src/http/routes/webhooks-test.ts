/** `POST /v1/webhooks/{id}/test`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { deliverySchema, sentReply } from '../schemas/webhook.ts'

export const testWebhook = defineRoute({
  method: 'post',
  path: '/v1/webhooks/{id}/test',
  operationId: 'testWebhook',
  tag: 'webhooks',
  summary: 'Send a test',
  description:
    'Sends `webhook.test` to this webhook, once. What came of it is in its deliveries. A disabled webhook is 409 `webhook_disabled`.',
  access: { kind: 'admin' },
  audit: { action: 'webhook.test', subject: named('webhook') },
  responses: { 202: { description: 'The delivery, which is on its way.', schema: deliverySchema } },
  async handle({ params, principal }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    return sentReply(await object.testWebhook(params.id))
  },
})
