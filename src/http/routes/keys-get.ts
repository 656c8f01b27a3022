/** `GET /v1/keys/{id}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { keySchema, keyView } from '../schemas/key.ts'
import { defineRoute } from '../route.ts'

export const getKey = defineRoute({
  method: 'get',
  path: '/v1/keys/{id}',
  operationId: 'getKey',
  tag: 'keys',
  summary: 'Get a key',
  access: { kind: 'admin' },
  responses: { 200: { description: 'The key, without its secret.', schema: keySchema } },
  async handle({ params, principal }, { catalog }) {
    const key = await catalog.keys.find(requireTenant(principal).uid, params.id)
    if (key === undefined) throw new Problem('not_found')
    return { status: 200, body: keyView(key) }
  },
})
