/** `PATCH /v1/keys/{id}`. */
import { z } from '@hono/zod-openapi'
import { Problem } from '../../core/problem.ts'
import { checkKeyFields, requireNotWider } from '../../tenancy/new-key.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import { displayName, filter, scopes } from '../schemas/fields.ts'
import { keyRateLimit, keyRateOf } from '../schemas/limits.ts'
import {
  keyCollections,
  keyExpiry,
  keyOrigins,
  keyRanges,
  keySchema,
  keyTokensNotBefore,
  keyView,
  millisecondsOf,
} from '../schemas/key.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { parseWith } from '../schema-faults.ts'

const schema = z
  .strictObject({
    name: displayName.optional(),
    scopes: scopes.optional(),
    collections: keyCollections.nullable().optional(),
    origins: keyOrigins.nullable().optional(),
    ipRanges: keyRanges.nullable().optional(),
    filter: filter.nullable().optional(),
    rateLimit: keyRateLimit.nullable().optional(),
    expiresAt: keyExpiry.nullable().optional(),
    tokensNotBefore: keyTokensNotBefore.nullable().optional(),
  })
  .openapi('UpdateKey', { description: '`null` removes a restriction.' })

type Given<T> = { readonly [K in keyof T]: Exclude<T[K], null> }

/** What a change sets; what it removes needs no check. */
const given = <T extends object>(change: T): Given<T> =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== null)) as Given<T>

/** What stands after the change: the new value, nothing where it was removed, else what stood before. */
const changed = <T>(change: T | null | undefined, before: T | undefined): T | undefined =>
  change === undefined ? before : (change ?? undefined)

export const updateKey = defineRoute({
  method: 'patch',
  path: '/v1/keys/{id}',
  operationId: 'updateKey',
  tag: 'keys',
  summary: 'Change a key',
  description: 'Holds everywhere within 10 seconds. The changed key is never wider than the key that changes it.',
  access: { kind: 'admin' },
  audit: { action: 'key.update', subject: named('key') },
  body: {
    schema,
    parse: (value, _, nowMs) => {
      const { expiresAt, tokensNotBefore, rateLimit, ...rest } = parseWith(schema, value)
      const body = defined({
        ...rest,
        rateLimit: rateLimit && keyRateOf(rateLimit),
        expiresAtMs: millisecondsOf(expiresAt),
        tokensNotBeforeMs: millisecondsOf(tokensNotBefore),
      })
      checkKeyFields(given(body), nowMs)
      return body
    },
    example: { scopes: ['search', 'answer'], expiresAt: null },
  },
  responses: { 200: { description: 'The key as it is now.', schema: keySchema } },
  async handle({ params, body, principal }, { authenticator, catalog, clock }) {
    const { uid } = requireTenant(principal)
    const before = await catalog.keys.find(uid, params.id)
    if (before === undefined) throw new Problem('not_found')
    const after = defined({
      kind: before.kind,
      scopes: body.scopes ?? before.scopes,
      collections: changed(body.collections, before.collections),
      origins: changed(body.origins, before.origins),
      ipRanges: changed(body.ipRanges, before.ipRanges),
      filter: changed(body.filter, before.filter),
      rateLimit: changed(body.rateLimit, before.rateLimit),
      expiresAtMs: changed(body.expiresAtMs, before.expiresAtMs),
      tokensNotBeforeMs: changed(body.tokensNotBeforeMs, before.tokensNotBeforeMs),
    })
    // What the change itself says was checked before the key was looked up; how the whole fits is known only now.
    const { expiresAtMs: _, ...fields } = after
    checkKeyFields(fields, clock())
    requireNotWider(after, principal)
    const key = await catalog.keys.update(uid, params.id, body)
    if (key === undefined) throw new Problem('not_found')
    authenticator.forgetKey(key.id)
    return { status: 200, body: keyView(key) }
  },
})
