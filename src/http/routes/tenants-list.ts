/** `GET /v1/tenants`. */
import { listPage } from '../list-page.ts'
import { pageQuery } from '../schemas/fields.ts'
import { tenantPageSchema, tenantView } from '../schemas/tenant.ts'
import { defineRoute } from '../route.ts'

export const listTenants = defineRoute({
  method: 'get',
  path: '/v1/tenants',
  operationId: 'listTenants',
  tag: 'tenants',
  summary: 'List tenants',
  access: { kind: 'root' },
  query: pageQuery,
  responses: { 200: { description: 'By id, ascending.', schema: tenantPageSchema } },
  async handle({ query }, { catalog, sealer }) {
    const body = await listPage(sealer, 'tenants', query, (page) => catalog.tenants.list(page), tenantView)
    return { status: 200, body }
  },
})
