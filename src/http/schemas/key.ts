/** A key on the wire: everything but its secret, which is shown once when the key is made. */
import { z } from '@hono/zod-openapi'
import type { KeyRecord } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import type { Principal } from '../../tenancy/principal.ts'
import { displayName, filter, pageOf, scopes, time } from './fields.ts'
import { keyRateLimit } from './limits.ts'

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i

export const keyKind = z.enum(['secret', 'public']).openapi({
  description: '`secret` for back ends; `public` may lie in a web page, is bound to origins and shows no raw scores.',
})

export const keyCollections = z
  .array(z.string())
  .openapi({ description: 'Names, `prefix*` or ids; absent: every collection of the tenant.', example: ['docs-*'] })

export const keyOrigins = z.array(z.string()).openapi({
  description: 'Public keys: `scheme://host[:port]`, one leading `*.` label, `self`, or `http://localhost:*`.',
  example: ['https://shop.example'],
})

export const keyRanges = z.array(z.string()).openapi({
  description: 'Addresses and CIDR ranges, IPv4 or IPv6, that the key may be used from; absent: any.',
  example: ['192.0.2.0/24', '2001:db8::/32'],
})

/** An offset can carry a time beyond the last year that RFC 3339 can write. */
const LAST_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

const isTime = (text: string): boolean => RFC_3339.test(text) && Date.parse(text) <= LAST_TIME_MS

/** A time that callers give. */
export const timeInput = z
  .string()
  .refine(isTime, 'must be an RFC 3339 time, in UTC before the year 10000')
  .openapi({ format: 'date-time' })

export const keyExpiry = timeInput.openapi({ description: 'The key is 401 from then on.' })

export const keyTokensNotBefore = timeInput.openapi({
  description: 'Tokens that were issued before it are 401; secret keys only.',
})

/** Milliseconds since the Unix epoch; `null` and `undefined` stay. */
export const millisecondsOf = <T extends null | undefined>(text: string | T): number | T =>
  typeof text === 'string' ? Date.parse(text) : text

export const keySchema = z
  .object({
    id: z.string().openapi({ description: 'The 16 characters inside the key.', example: 'x7Qm2LsV0aZp91Rt' }),
    name: displayName,
    kind: keyKind,
    scopes,
    collections: keyCollections.optional(),
    origins: keyOrigins.optional(),
    ipRanges: keyRanges.optional(),
    filter: filter.optional(),
    rateLimit: keyRateLimit.optional(),
    expiresAt: time.nullable(),
    tokensNotBefore: time.optional(),
    version: z.int().openapi({ description: 'Rises with each rotation of the secret.' }),
    lastUsedAt: time.nullable().openapi({ description: 'Exact to a minute; `null` before the first use.' }),
    createdAt: time,
    updatedAt: time,
    createdBy: z.string().openapi({ description: 'The key that made it, or `root`.' }),
  })
  .openapi('Key')

export const keyPageSchema = pageOf(keySchema, 'KeyPage')

const shownOnce = {
  secret: z.string().optional().openapi({ description: 'The whole key. Shown this once.' }),
  secretShown: z
    .literal(false)
    .optional()
    .openapi({ description: 'Stands instead of `secret` where the answer is a replay.' }),
}

export const createdKeySchema = keySchema.extend(shownOnce).openapi('CreatedKey')

export const rotatedKeySchema = keySchema
  .pick({ id: true, version: true })
  .extend({
    ...shownOnce,
    previousSecretUntil: time.nullable().openapi({ description: '`null`: the secret before it has ended.' }),
  })
  .openapi('RotatedKey')

export function keyView(key: KeyRecord): z.input<typeof keySchema> {
  const { id, name, kind, scopes, collections, origins, ipRanges, filter, rateLimit, version, createdBy } = key
  const { expiresAtMs, tokensNotBeforeMs, lastUsedAtMs, createdAtMs, updatedAtMs } = key
  return {
    id,
    name,
    kind,
    scopes: [...scopes],
    ...(collections === undefined ? {} : { collections: [...collections] }),
    ...(origins === undefined ? {} : { origins: [...origins] }),
    ...(ipRanges === undefined ? {} : { ipRanges: [...ipRanges] }),
    ...(filter === undefined ? {} : { filter }),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    expiresAt: expiresAtMs === undefined ? null : rfc3339(expiresAtMs),
    ...(tokensNotBeforeMs === undefined ? {} : { tokensNotBefore: rfc3339(tokensNotBeforeMs) }),
    version,
    lastUsedAt: lastUsedAtMs === undefined ? null : rfc3339(Math.max(lastUsedAtMs, createdAtMs)),
    createdAt: rfc3339(createdAtMs),
    updatedAt: rfc3339(updatedAtMs),
    createdBy,
  }
}

/** Who made a key, as its record says it. */
export const makerOf = ({ kind, keyId }: Principal): string => (kind === 'root' ? 'root' : keyId)
