/** `POST /v1/keys`. */
import { z } from '@hono/zod-openapi'
import { checkKeyFields, requireNotWider } from '../../tenancy/new-key.ts'
import { issueKey } from '../../tenancy/issue-key.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defined } from '../defined.ts'
import { displayName, filter, scopes } from '../schemas/fields.ts'
import { createdKeySchema, keyCollections, keyExpiry, keyKind, keyOrigins, keyView, makerOf } from '../schemas/key.ts'
import { defineRoute } from '../route.ts'
import { parseWith } from '../schema-faults.ts'

const schema = z
  .strictObject({
    name: displayName,
    kind: keyKind,
    scopes,
    collections: keyCollections.optional(),
    origins: keyOrigins.optional(),
    filter: filter.optional(),
    expiresAt: keyExpiry.optional(),
  })
  .openapi('CreateKey')

export const createKey = defineRoute({
  method: 'post',
  path: '/v1/keys',
  operationId: 'createKey',
  tag: 'keys',
  summary: 'Make a key',
  description: 'The secret is shown this once. A key is never wider than the key that makes it.',
  access: { kind: 'admin' },
  body: {
    schema,
    parse: (value, principal, nowMs) => {
      const { expiresAt, ...rest } = parseWith(schema, value, ['/ipRanges', '/rateLimit'])
      const request = defined({ ...rest, expiresAtMs: expiresAt === undefined ? undefined : Date.parse(expiresAt) })
      checkKeyFields(request, nowMs)
      requireNotWider(request, principal)
      return request
    },
    example: { name: 'website', kind: 'public', scopes: ['search'], origins: ['https://shop.example'] },
  },
  responses: {
    201: { description: 'The key, with its secret.', schema: createdKeySchema, headers: { Location: 'Where it is.' } },
  },
  async handle({ body, principal, operationId }, { authenticator, catalog, sealer }) {
    const issued = await issueKey(sealer, body.kind, operationId)
    const made = { ...body, tenantUid: requireTenant(principal).uid, createdBy: makerOf(principal) }
    const key = await catalog.keys.create(made, issued)
    authenticator.forgetKey(key.id)
    const view = keyView(key)
    return {
      status: 201,
      headers: { location: `/v1/keys/${key.id}` },
      body: { ...view, secret: issued.key.text },
      replayBody: { ...view, secretShown: false },
    }
  },
})
