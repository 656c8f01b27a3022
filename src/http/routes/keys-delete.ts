/** `DELETE /v1/keys/{id}`: revocation. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
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
    const key = await catalog.keys.find(uid, params.id)
    if (key === undefined) throw new Problem('not_found')
    await (await tenantObjects.of(uid)).planRevocation(key.id)
    if (!(await catalog.keys.revoke(uid, key.id))) throw new Problem('not_found')
    authenticator.forgetKey(key.id)
    try {
      await (await tenantObjects.of(uid)).revocationFinished(key.id, clock())
    } catch (error) {
      // It is revoked, and the object's alarm will tell of it.
      report?.('webhook', error)
    }
    return { status: 204 }
  },
})
