/** `POST /v1/webhooks/{id}/deliveries/{delivery}/redeliver`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { deliverySchema, sentReply } from '../schemas/webhook.ts'

export const redeliverWebhook = defineRoute({
  method: 'post',
  path: '/v1/webhooks/{id}/deliveries/{delivery}/redeliver',
  operationId: 'redeliverWebhook',
  tag: 'webhooks',
  summary: 'Send a delivery again',
  description:
    'Sends the event under its old id: now, and by the whole schedule if that fails. One that still waits is sent now. A disabled webhook is 409 `webhook_disabled`.',
  access: { kind: 'admin' },
  audit: { action: 'webhook.redeliver', subject: named('webhook') },
  responses: { 202: { description: 'The delivery, which is on its way.', schema: deliverySchema } },
  async handle({ params, principal }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    return sentReply(await object.redeliver(params.id, params.delivery))
  },
})
