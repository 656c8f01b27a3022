/** `GET /v1/keys/self`: what the presented key may do. A token is no key, and its bearer need not know the key behind it. */
import { Problem } from '../../core/problem.ts'
import { keySchema, keyView } from '../schemas/key.ts'
import { defineRoute } from '../route.ts'

export const getOwnKey = defineRoute({
  method: 'get',
  path: '/v1/keys/self',
  operationId: 'getOwnKey',
  tag: 'keys',
  summary: 'Get the key that asks',
  access: { kind: 'key' },
  forbid: (_, { kind }) => {
    if (kind === 'token') throw new Problem('forbidden', 'tokens do not reach this')
  },
  responses: { 200: { description: 'The key.', schema: keySchema } },
  async handle({ principal: { key } }) {
    if (key === undefined) throw new Problem('not_found')
    return { status: 200, body: keyView(key) }
  },
})
