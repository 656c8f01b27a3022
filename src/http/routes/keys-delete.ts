/** `DELETE /v1/keys/{id}`: revocation. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { keyRevoked } from '../../tenancy/webhook-events.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const deleteKey = defineRoute({
  method: 'delete',
  path: '/v1/keys/{id}',
  operationId: 'deleteKey',
  tag: 'keys',
  summary: 'Revoke a key',
  description: 'Holds everywhere within 10 seconds, and for good.',
  access: { kind: 'admin' },
  audit: { action: 'key.revoke', subject: named('key') },
  responses: { 204: { description: 'Revoked.' } },
  async handle({ params, principal }, { authenticator, catalog, tenantObjects, clock, report }) {
    const { uid } = requireTenant(principal)
    if (!(await catalog.keys.revoke(uid, params.id))) throw new Problem('not_found')
    authenticator.forgetKey(params.id)
    try {
      await (await tenantObjects.of(uid)).emitEvent(keyRevoked(params.id, clock()))
    } catch (error) {
      // It is revoked, whoever hears of it.
      report?.('webhook', error)
    }
    return { status: 204 }
  },
})
