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
