/** `POST /v1/tenants`. */
import { z } from '@hono/zod-openapi'
import { defined } from '../../core/defined.ts'
import { displayName } from '../schemas/fields.ts'
import { tenantLimits, tenantLimitsOf } from '../schemas/limits.ts'
import { tenantId, tenantSchema, tenantView } from '../schemas/tenant.ts'
import { made } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const createTenant = defineRoute({
  method: 'post',
  path: '/v1/tenants',
  operationId: 'createTenant',
  tag: 'tenants',
  summary: 'Create a tenant',
  description: 'An id that is in use, or ever was, is 409.',
  access: { kind: 'root' },
  audit: { action: 'tenant.create', subject: made('tenant') },
  body: {
    schema: z
      .strictObject({ id: tenantId.optional(), name: displayName, limits: tenantLimits.optional() })
      .openapi('CreateTenant'),
    example: { id: 'acme', name: 'Acme GmbH', limits: { documents: 10_000 } },
  },
  responses: { 201: { description: 'The tenant.', schema: tenantSchema, headers: { Location: 'Where it is.' } } },
  async handle({ body: { limits = {}, ...body }, operationId }, { authenticator, catalog }) {
    const tenant = await catalog.tenants.create({ ...defined(body), limits: tenantLimitsOf(limits), operationId })
    authenticator.forgetTenant(tenant.id)
    return { status: 201, headers: { location: `/v1/tenants/${tenant.id}` }, body: tenantView(tenant) }
  },
})
