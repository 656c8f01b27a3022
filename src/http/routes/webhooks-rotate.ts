/** `POST /v1/webhooks/{id}/rotate`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { secretReply, webhookWithSecretSchema } from '../schemas/webhook.ts'

export const rotateWebhook = defineRoute({
  method: 'post',
  path: '/v1/webhooks/{id}/rotate',
  operationId: 'rotateWebhook',
  tag: 'webhooks',
  summary: 'Give a webhook a new secret',
  description:
    'The new secret is shown this once. For 24 hours each delivery is signed with both; a secret older than the one before ends at once.',
  access: { kind: 'admin' },
  audit: { action: 'webhook.rotate', subject: named('webhook') },
  responses: {
    201: {
      description: 'The webhook, with its new secret.',
      schema: webhookWithSecretSchema,
      headers: { Location: 'Where it is.' },
    },
  },
  async handle({ params, principal, operationId }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    const webhook = await object.rotateWebhookSecret(params.id, operationId)
    if (webhook === undefined) throw new Problem('not_found')
    return secretReply(webhook)
  },
})
