/** `POST /v1/webhooks`. */
import { z } from '@hono/zod-openapi'
import { MAX_WEBHOOKS } from '../../core/limits.ts'
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { made } from '../audit-trail.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'
import {
  secretReply,
  webhookDescription,
  webhookEvents,
  webhookUrl,
  webhookWithSecretSchema,
} from '../schemas/webhook.ts'

const schema = z
  .strictObject({ url: webhookUrl, events: webhookEvents, description: webhookDescription.optional() })
  .openapi('CreateWebhook')

export const createWebhook = defineRoute({
  method: 'post',
  path: '/v1/webhooks',
  operationId: 'createWebhook',
  tag: 'webhooks',
  summary: 'Make a webhook',
  description: `The secret is shown this once. A tenant has at most ${MAX_WEBHOOKS}; one more is 403 \`quota_exceeded\`.`,
  access: { kind: 'admin' },
  audit: { action: 'webhook.create', subject: made('webhook') },
  body: {
    schema,
    example: { url: 'https://shop.example/hooks/nearfield', events: ['document.indexed', 'document.failed'] },
  },
  responses: {
    201: {
      description: 'The webhook, with its secret.',
      schema: webhookWithSecretSchema,
      headers: { Location: 'Where it is.' },
    },
  },
  async handle({ body, principal, operationId }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    const webhook = await object.createWebhook(operationId, defined(body))
    if (webhook === 'full') throw new Problem('quota_exceeded', `a tenant has at most ${MAX_WEBHOOKS} webhooks`)
    return secretReply(webhook)
  },
})
