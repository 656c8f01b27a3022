/** Rates, quotas and budgets on the wire: what an operator limits a tenant to, and the rates that a key carries. */
import { z } from '@hono/zod-openapi'
import type { TenantChanges } from '../../catalog/tenants.ts'
import { MAX_DAILY_BUDGET_USD, MAX_QUOTA, MAX_RATE_REQUESTS, MAX_RATE_WINDOW_SECONDS } from '../../core/limits.ts'
import type { KeyRateLimit, TenantLimits } from '../../tenancy/tenant-limits.ts'
import { defined } from '../../core/defined.ts'

type LimitChanges = NonNullable<TenantChanges['limits']>

const requests = z.int().min(1).max(MAX_RATE_REQUESTS).openapi({ description: 'So many in a window, on average.' })
const windowSeconds = z.int().min(1).max(MAX_RATE_WINDOW_SECONDS).openapi({ description: 'The length of a window.' })
const burst = z
  .int()
  .min(1)
  .max(MAX_RATE_REQUESTS)
  .openapi({ description: 'At most so many at once; `requests` unless given.' })

const rate = z.strictObject({ requests, windowSeconds, burst: burst.optional() }).openapi('RateLimit', {
  description: '`requests` in every `windowSeconds` on average. Beyond it: 429.',
  example: { requests: 100, windowSeconds: 60, burst: 20 },
})

/** Its own rate is whole or absent: without `windowSeconds`, `requests` says nothing. */
const isWhole = (value: { readonly [Member in 'requests' | 'windowSeconds' | 'burst']?: unknown }): boolean => {
  const isGiven = value.requests !== undefined
  return isGiven === (value.windowSeconds !== undefined) && (isGiven || value.burst === undefined)
}

export const keyRateLimit = z
  .strictObject({
    requests: requests.optional(),
    windowSeconds: windowSeconds.optional(),
    burst: burst.optional(),
    perIp: rate.optional().openapi({ description: 'For each IP address.' }),
    perSub: rate.optional().openapi({ description: 'For each `sub` of its tokens; secret keys only.' }),
  })
  .refine(isWhole, 'needs requests and windowSeconds together')
  .refine((value) => Object.keys(value).length > 0, 'must not be empty; leave it out for no limit')
  .openapi('KeyRateLimit', { description: 'For all requests of the key together, and for each of its callers.' })

const quota = z.int().min(0).max(MAX_QUOTA)
const members = {
  documents: quota.openapi({ description: 'Documents stored, in all collections together.' }),
  chunks: quota.openapi({ description: 'Chunks stored.' }),
  storedBytes: quota.openapi({ description: 'UTF-8 bytes of the texts stored.' }),
  embeddingTokensPerMonth: quota.openapi({
    description: 'Model tokens of documents, and of texts embedded or ranked, in a calendar month, UTC.',
  }),
  searchesPerMonth: quota.openapi({ description: 'Searches that succeed in a calendar month, UTC.' }),
  answersPerMonth: quota.openapi({ description: 'Answers that succeed in a calendar month, UTC.' }),
  rateLimit: rate.openapi({ description: 'For all requests of the tenant together.' }),
  dailyBudget: z
    .strictObject({
      usd: z
        .number()
        .min(0)
        .max(MAX_DAILY_BUDGET_USD)
        .refine((value) => Number(value.toFixed(6)) === value, 'must have at most 6 decimals')
        .openapi({ description: 'By the price table; at most 6 decimals.' }),
      whenSpent: z
        .enum(['keyword', 'reject'])
        .openapi({ description: 'What becomes of searches: by keywords alone, or 429.' }),
    })
    .openapi({ description: 'Estimated money, in US dollars a day, UTC.' }),
}

export const tenantLimits = z
  .strictObject(members)
  .partial()
  .openapi('TenantLimits', { description: 'A limit that is absent does not exist.' })

export const tenantLimitChanges = z
  .strictObject({
    documents: members.documents.nullable(),
    chunks: members.chunks.nullable(),
    storedBytes: members.storedBytes.nullable(),
    embeddingTokensPerMonth: members.embeddingTokensPerMonth.nullable(),
    searchesPerMonth: members.searchesPerMonth.nullable(),
    answersPerMonth: members.answersPerMonth.nullable(),
    rateLimit: members.rateLimit.nullable(),
    dailyBudget: members.dailyBudget.nullable(),
  } satisfies Record<keyof typeof members, z.ZodType>)
  .partial()
  .openapi('TenantLimitChanges', { description: 'Members that are left out stay as they are; `null` removes one.' })

/** As they are stored: a member that is absent is absent. */
export function tenantLimitsOf({ rateLimit, ...rest }: z.output<typeof tenantLimits>): TenantLimits {
  return { ...defined(rest), ...(rateLimit === undefined ? {} : { rateLimit: defined(rateLimit) }) }
}

/** `null` removes a member. */
export function tenantLimitChangesOf({ rateLimit, ...rest }: z.output<typeof tenantLimitChanges>): LimitChanges {
  return { ...defined(rest), ...(rateLimit === undefined ? {} : { rateLimit: rateLimit && defined(rateLimit) }) }
}

export function keyRateOf({ perIp, perSub, ...own }: z.output<typeof keyRateLimit>): KeyRateLimit {
  return {
    ...defined(own),
    ...(perIp === undefined ? {} : { perIp: defined(perIp) }),
    ...(perSub === undefined ? {} : { perSub: defined(perSub) }),
  }
}
