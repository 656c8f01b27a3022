/** `GET /v1/tenants/{id}`. */
import { Problem } from '../../core/problem.ts'
import { tenantSchema, tenantView } from '../schemas/tenant.ts'
import { defineRoute } from '../route.ts'

export const getTenant = defineRoute({
  method: 'get',
  path: '/v1/tenants/{id}',
  operationId: 'getTenant',
  tag: 'tenants',
  summary: 'Get a tenant',
  access: { kind: 'root' },
  responses: { 200: { description: 'The tenant.', schema: tenantSchema } },
  async handle({ params }, { catalog }) {
    const tenant = await catalog.tenants.find(params.id)
    if (tenant === undefined) throw new Problem('not_found')
    return { status: 200, body: tenantView(tenant) }
  },
})
