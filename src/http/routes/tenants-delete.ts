/** `DELETE /v1/tenants/{id}`: erasure, with a receipt. */
import { z } from '@hono/zod-openapi'
import { rfc3339 } from '../../core/clock.ts'
import { Problem } from '../../core/problem.ts'
import { finishTenantErasure, startTenantErasure } from '../../shard/tenant-erasure.ts'
import { time } from '../schemas/fields.ts'
import { tenantId } from '../schemas/tenant.ts'
import { defineRoute } from '../route.ts'

const receiptSchema = z
  .object({
    id: tenantId,
    erasedAt: time,
    stores: z
      .object({
        shards: z.number().int().openapi({ description: 'Durable Objects emptied, with every document in them.' }),
        tenantObject: z.literal(true),
        database: z
          .object({
            keys: z.number().int(),
            collections: z.number().int(),
            jobs: z.number().int(),
            documents: z.number().int(),
            usage: z.number().int(),
          })
          .openapi({ description: 'Rows removed from D1.' }),
      })
      .openapi({ description: 'What was removed from where.' }),
  })
  .openapi('ErasureReceipt')

export const deleteTenant = defineRoute({
  method: 'delete',
  path: '/v1/tenants/{id}',
  operationId: 'deleteTenant',
  tag: 'tenants',
  summary: 'Erase a tenant',
  description:
    "Empties every shard, the tenant's own object and its rows, then answers with what this call removed. Its id stays taken for ever. The tenant is gone for every reader at once. Where it is too large for one call the answer is 503: the erasure goes on by itself, within a minute, as it does after an interruption; repeating the call does a part at once. When nothing is left the answer is 404.",
  access: { kind: 'root' },
  responses: { 200: { description: 'What was erased.', schema: receiptSchema } },
  async handle({ params }, dependencies) {
    const uid = await startTenantErasure(dependencies, params.id)
    if (uid === undefined) throw new Problem('not_found')
    dependencies.authenticator.forgetTenant(params.id)
    const stores = await finishTenantErasure(dependencies, uid)
    if (stores === undefined) {
      throw new Problem('overloaded', 'the tenant is deleted and its erasure goes on', { retryAfterSeconds: 1 })
    }
    return { status: 200, body: { id: params.id, erasedAt: rfc3339(dependencies.clock()), stores } }
  },
})
