/** `PATCH /v1/tenants/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { displayName } from '../schemas/fields.ts'
import { tenantSchema, tenantView } from '../schemas/tenant.ts'
import { defineRoute } from '../route.ts'

export const updateTenant = defineRoute({
  method: 'patch',
  path: '/v1/tenants/{id}',
  operationId: 'updateTenant',
  tag: 'tenants',
  summary: 'Rename, suspend or resume a tenant',
  description: "A suspended tenant's keys are answered 403 `tenant_suspended`, everywhere within 10 seconds.",
  access: { kind: 'root' },
  body: {
    schema: z.strictObject({ name: displayName.optional(), suspended: z.boolean().optional() }).openapi('UpdateTenant'),
    notYet: ['/limits'],
    example: { suspended: true },
  },
  responses: { 200: { description: 'The tenant as it is now.', schema: tenantSchema } },
  async handle({ params, body: { name, suspended } }, { authenticator, catalog }) {
    const tenant = await catalog.tenants.update(params.id, {
      ...(name === undefined ? {} : { name }),
      ...(suspended === undefined ? {} : { suspended }),
    })
    if (tenant === undefined) throw new Problem('not_found')
    authenticator.forgetTenant(tenant.id)
    return { status: 200, body: tenantView(tenant) }
  },
})
