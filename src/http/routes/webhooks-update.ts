/** `PATCH /v1/webhooks/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'
import { webhookDescription, webhookEvents, webhookSchema, webhookUrl, webhookView } from '../schemas/webhook.ts'

const schema = z
  .strictObject({
    url: webhookUrl.optional(),
    events: webhookEvents.optional(),
    description: webhookDescription.nullable().optional(),
    enabled: z.boolean().optional(),
  })
  .openapi('UpdateWebhook', { description: '`null` removes the description.' })

export const updateWebhook = defineRoute({
  method: 'patch',
  path: '/v1/webhooks/{id}',
  operationId: 'updateWebhook',
  tag: 'webhooks',
  summary: 'Change a webhook',
  description:
    'While it is disabled nothing is sent and nothing new waits for it. Enabling it sends what waited, unless that is older than 7 days.',
  access: { kind: 'admin' },
  audit: { action: 'webhook.update', subject: named('webhook') },
  body: { schema, example: { enabled: true } },
  responses: { 200: { description: 'The webhook as it is now.', schema: webhookSchema } },
  async handle({ params, body, principal }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    const webhook = await object.updateWebhook(params.id, defined(body))
    if (webhook === undefined) throw new Problem('not_found')
    return { status: 200, body: webhookView(webhook) }
  },
})
