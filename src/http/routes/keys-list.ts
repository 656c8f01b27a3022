/** `GET /v1/keys`. */
import { requireTenant } from '../../tenancy/principal.ts'
import { listPage } from '../list-page.ts'
import { pageQuery } from '../schemas/fields.ts'
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
  async handle({ query, principal }, { catalog, sealer }) {
    const { uid } = requireTenant(principal)
    const body = await listPage(sealer, `keys/${uid}`, query, (page) => catalog.keys.list(uid, page), keyView)
    return { status: 200, body }
  },
})
