/** A tenant on the wire. */
import { z } from '@hono/zod-openapi'
import type { TenantRecord } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import { isTenantId, TENANT_ID_RULE } from '../../tenancy/tenant-id.ts'
import { displayName, pageOf, time } from './fields.ts'
import { tenantLimits } from './limits.ts'

export const tenantId = z
  .string()
  .refine(isTenantId, TENANT_ID_RULE)
  .openapi({ description: 'Chosen once; after deletion it stays taken for ever.', example: 'acme' })

export const tenantSchema = z
  .object({
    id: tenantId,
    name: displayName,
    suspended: z.boolean().openapi({ description: 'Whether its keys and tokens are answered 403.' }),
    limits: tenantLimits,
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Tenant')

export const tenantPageSchema = pageOf(tenantSchema, 'TenantPage')

export function tenantView(tenant: TenantRecord): z.input<typeof tenantSchema> {
  const { id, name, suspended, limits, createdAtMs, updatedAtMs } = tenant
  return { id, name, suspended, limits, createdAt: rfc3339(createdAtMs), updatedAt: rfc3339(updatedAtMs) }
}
