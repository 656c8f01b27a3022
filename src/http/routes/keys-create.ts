/** `POST /v1/keys`. */
import { z } from '@hono/zod-openapi'
import { checkKeyFields, requireNotWider } from '../../tenancy/new-key.ts'
import { issueKey } from '../../tenancy/issue-key.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { displayName, filter, scopes } from '../schemas/fields.ts'
import { keyRateLimit, keyRateOf } from '../schemas/limits.ts'
import {
  createdKeySchema,
  keyCollections,
  keyExpiry,
  keyKind,
  keyOrigins,
  keyRanges,
  keyTokensNotBefore,
  keyView,
  makerOf,
  millisecondsOf,
} from '../schemas/key.ts'
import { made } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { parseWith } from '../schema-faults.ts'

const schema = z
  .strictObject({
    name: displayName,
    kind: keyKind,
    scopes,
    collections: keyCollections.optional(),
    origins: keyOrigins.optional(),
    ipRanges: keyRanges.optional(),
    filter: filter.optional(),
    rateLimit: keyRateLimit.optional(),
    expiresAt: keyExpiry.optional(),
    tokensNotBefore: keyTokensNotBefore.optional(),
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
  audit: { action: 'key.create', subject: made('key') },
  body: {
    schema,
    parse: (value, principal, nowMs) => {
      const { expiresAt, tokensNotBefore, rateLimit, ...rest } = parseWith(schema, value)
      const request = defined({
        ...rest,
        rateLimit: rateLimit === undefined ? undefined : keyRateOf(rateLimit),
        expiresAtMs: millisecondsOf(expiresAt),
        tokensNotBeforeMs: millisecondsOf(tokensNotBefore),
      })
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
