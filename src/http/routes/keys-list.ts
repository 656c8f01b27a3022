/** `GET /v1/keys`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { pageBody, pageQuery, readPage } from '../schemas/fields.ts'
import { keyPageSchema, keyView } from '../schemas/key.ts'
import { defineRoute } from '../route.ts'

export const listKeys = defineRoute({
  method: 'get',
  path: '/v1/keys',
  operationId: 'listKeys',
  tag: 'keys',
  summary: 'List keys',
  access: { kind: 'admin' },
  query: pageQuery,
  responses: { 200: { description: 'By id, ascending; revoked keys are left out.', schema: keyPageSchema } },
  async handle({ query, principal }, { catalog }) {
    const page = await catalog.keys.list(requireTenant(principal).uid, readPage(query))
    return { status: 200, body: pageBody(page, keyView) }
  },
})
