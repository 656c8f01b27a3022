/** `POST /v1/tokens`. */
import { rfc3339 } from '../../core/clock.ts'
import { claimsOf, parseTokenRequest, signToken } from '../../tenancy/new-token.ts'
import { createdTokenSchema, tokenRequestSchema } from '../schemas/token.ts'
import { defineRoute } from '../route.ts'

export const createToken = defineRoute({
  method: 'post',
  path: '/v1/tokens',
  operationId: 'createToken',
  tag: 'tokens',
  summary: 'Make a token for an end user',
  description:
    'Short-lived and never wider than the key that makes it. A back end can make the same token itself, without a request.',
  access: { kind: 'key', secretOnly: true },
  audit: { action: 'token.create', subject: ({ principal }) => ({ type: 'key', id: principal.keyId }) },
  body: {
    schema: tokenRequestSchema,
    parse: parseTokenRequest,
    example: { ttlSeconds: 900, scopes: ['search'], principals: ['user:42', 'group:sales'], sub: 'user:42' },
  },
  responses: { 201: { description: 'The token.', schema: createdTokenSchema } },
  async handle({ body, headers, principal }, { clock }) {
    const claims = claimsOf(body, principal, clock())
    const token = await signToken(headers, claims)
    const expiresAt = rfc3339(claims.exp * 1000)
    return { status: 201, body: { token, expiresAt }, replayBody: { expiresAt, secretShown: false } }
  },
})
