/** What an operator may limit a tenant to, and the rates that keys carry. Stored as JSON, read with the key. */

/** A token bucket: `requests` in every window on average, at most `burst` at once (`requests` unless given). */
export interface RateLimit {
  readonly requests: number
  readonly windowSeconds: number
  readonly burst?: number
}

/** A key's own rates: for all its requests, for each IP address, for each `sub` of its tokens. */
export interface KeyRateLimit extends Partial<RateLimit> {
  readonly perIp?: RateLimit
  readonly perSub?: RateLimit
}

/** Money by the price table, in US dollars a UTC day. */
export interface DailyBudget {
  readonly usd: number
  /** What happens to searches once it is spent; answers and embedding writes are refused either way. */
  readonly whenSpent: 'keyword' | 'reject'
}

/** Absent: unlimited. */
export interface TenantLimits {
  readonly documents?: number
  readonly chunks?: number
  readonly storedBytes?: number
  readonly embeddingTokensPerMonth?: number
  readonly searchesPerMonth?: number
  readonly answersPerMonth?: number
  readonly rateLimit?: RateLimit
  readonly dailyBudget?: DailyBudget
}

/**
 * Whether a key's rates let through no more than those of its maker, each compared with its own kind: what the maker
 * has, the key must have, no faster and with no larger burst.
 */
export function isRateWithin(rate: KeyRateLimit | undefined, wider: KeyRateLimit | undefined): boolean {
  return (
    isSlower(ownRate(rate), ownRate(wider)) &&
    isSlower(rate?.perIp, wider?.perIp) &&
    isSlower(rate?.perSub, wider?.perSub)
  )
}

/** The rate of all requests of a key together, if it has one. */
export function ownRate({ requests, windowSeconds, burst }: KeyRateLimit = {}): RateLimit | undefined {
  if (requests === undefined || windowSeconds === undefined) return undefined
  return { requests, windowSeconds, ...(burst === undefined ? {} : { burst }) }
}

function isSlower(rate: RateLimit | undefined, wider: RateLimit | undefined): boolean {
  if (wider === undefined) return true
  if (rate === undefined) return false
  const isAsSlow = rate.requests * wider.windowSeconds <= wider.requests * rate.windowSeconds
  return isAsSlow && (rate.burst ?? rate.requests) <= (wider.burst ?? wider.requests)
}
