/** `GET /v1/tenants`. */
import { pageBody, pageQuery, readPage } from '../schemas/fields.ts'
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
  async handle({ query }, { catalog }) {
    return { status: 200, body: pageBody(await catalog.tenants.list(readPage(query)), tenantView) }
  },
})
