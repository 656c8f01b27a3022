/** `DELETE /v1/webhooks/{id}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const deleteWebhook = defineRoute({
  method: 'delete',
  path: '/v1/webhooks/{id}',
  operationId: 'deleteWebhook',
  tag: 'webhooks',
  summary: 'Delete a webhook',
  description: 'What waits for it is dropped, and its deliveries are forgotten.',
  access: { kind: 'admin' },
  audit: { action: 'webhook.delete', subject: named('webhook') },
  responses: { 204: { description: 'Deleted.' } },
  async handle({ params, principal }, { tenantObjects }) {
    const object = await tenantObjects.of(requireTenant(principal).uid)
    if (!(await object.deleteWebhook(params.id))) throw new Problem('not_found')
    return { status: 204 }
  },
})
