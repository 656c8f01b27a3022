/** `PATCH /v1/tenants/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { defined } from '../../core/defined.ts'
import { displayName } from '../schemas/fields.ts'
import { tenantLimitChanges, tenantLimitChangesOf } from '../schemas/limits.ts'
import { tenantSchema, tenantView } from '../schemas/tenant.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const updateTenant = defineRoute({
  method: 'patch',
  path: '/v1/tenants/{id}',
  operationId: 'updateTenant',
  tag: 'tenants',
  summary: 'Rename, limit, suspend or resume a tenant',
  description:
    "Holds everywhere within 10 seconds. A suspended tenant's keys are answered 403 `tenant_suspended`. Limits below what is stored delete nothing: they refuse growth.",
  access: { kind: 'root' },
  audit: { action: 'tenant.update', subject: named('tenant') },
  body: {
    schema: z
      .strictObject({
        name: displayName.optional(),
        suspended: z.boolean().optional(),
        limits: tenantLimitChanges.optional(),
      })
      .openapi('UpdateTenant'),
    example: { suspended: true, limits: { documents: 20_000, chunks: null } },
  },
  responses: { 200: { description: 'The tenant as it is now.', schema: tenantSchema } },
  async handle({ params, body: { limits, ...body } }, { authenticator, catalog, report, tenantObjects }) {
    const tenant = await catalog.tenants.update(params.id, {
      ...defined(body),
      ...(limits === undefined ? {} : { limits: tenantLimitChangesOf(limits) }),
    })
    if (tenant === undefined) throw new Problem('not_found')
    authenticator.forgetTenant(tenant.id)
    if (limits !== undefined) {
      const object = await tenantObjects.of(tenant.uid)
      // Quotas are judged by the limits that come with each request; only warnings wait for this.
      await object.limitsChanged(tenant.uid, tenant.limits).catch((error: unknown) => report?.('limits', error))
    }
    return { status: 200, body: tenantView(tenant) }
  },
})
