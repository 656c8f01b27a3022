/** `DELETE /v1/tenants/{id}`: erasure, with a receipt. */
import { Problem } from '../../core/problem.ts'
import { finishTenantErasure, startTenantErasure } from '../../shard/tenant-erasure.ts'
import { receiptSchema } from '../schemas/receipt.ts'
import { receiptOf } from '../find-receipt.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const deleteTenant = defineRoute({
  method: 'delete',
  path: '/v1/tenants/{id}',
  operationId: 'deleteTenant',
  tag: 'tenants',
  summary: 'Erase a tenant',
  description:
    "Empties every shard, the tenant's own object and its rows, then answers with a signed receipt of what was removed from where and what may remain. Its id stays taken for ever. The tenant is gone for every reader at once. Where it is too large for one call the answer is 503: the erasure goes on by itself, within a minute, as it does after an interruption; repeating the call does a part at once. When nothing is left the answer is 404, and the receipt is at `/v1/tenants/{id}/receipt`.",
  access: { kind: 'root' },
  audit: { action: 'tenant.erase', subject: named('tenant'), endsChain: true },
  responses: { 200: { description: 'What was erased.', schema: receiptSchema } },
  async handle({ params }, dependencies) {
    const uid = await startTenantErasure(dependencies, params.id)
    if (uid === undefined) throw new Problem('not_found')
    dependencies.authenticator.forgetTenant(params.id)
    if (!(await finishTenantErasure(dependencies, { id: params.id, uid }))) {
      throw new Problem('overloaded', 'the tenant is deleted and its erasure goes on', { retryAfterSeconds: 1 })
    }
    return { status: 200, body: await receiptOf(dependencies, params.id) }
  },
})
