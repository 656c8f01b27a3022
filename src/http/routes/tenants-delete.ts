/** `DELETE /v1/tenants/{id}`: erasure, with a receipt. */
import { z } from '@hono/zod-openapi'
import { rfc3339 } from '../../core/clock.ts'
import { Problem } from '../../core/problem.ts'
import { eraseTenant } from '../erase-tenant.ts'
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
    "Empties every shard, the tenant's own object and its rows, then answers. Its id stays taken for ever. An interrupted erasure is finished by repeating the call.",
  access: { kind: 'root' },
  responses: { 200: { description: 'What was erased.', schema: receiptSchema } },
  async handle({ params }, dependencies) {
    const stores = await eraseTenant(dependencies, params.id)
    if (stores === undefined) throw new Problem('not_found')
    return { status: 200, body: { id: params.id, erasedAt: rfc3339(dependencies.clock()), stores } }
  },
})
