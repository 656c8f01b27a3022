/**
 * What a request is charged for: each one to the rates of its credential, searches and answers to the quotas of its tenant.
 * The rates are charged as soon as the credential is known, beside everything else, so that refused requests count as well,
 * and judged last, just before the handler runs. A quota is charged by the handler, for what succeeds.
 */
import type { Clock } from '../core/clock.ts'
import type { CollectionId } from '../core/ids.ts'
import { asProblem, Problem } from '../core/problem.ts'
import { requireTenant } from '../tenancy/principal.ts'
import type { Principal } from '../tenancy/principal.ts'
import { RateLimiter } from '../tenancy/rate-limiter.ts'
import type { RateVerdict } from '../tenancy/rate-limiter.ts'
import { ratePolicies } from '../tenancy/rate-policies.ts'
import { ReadMeter } from '../tenancy/read-meter.ts'
import type { ReadMeterName } from '../tenancy/read-meter.ts'
import type { TenantLimits } from '../tenancy/tenant-limits.ts'
import type { TenantObjects } from '../tenancy/tenant-objects.ts'
import type { ModelMeter } from '../models/model-meter.ts'
import type { Exchange, LimitState } from './exchange.ts'
import { TokenCharge } from './token-charge.ts'

type KeepAlive = (work: Promise<unknown>) => void

const DAY_SECONDS = 86_400
/** Quotas follow calendar months; a policy has one length. */
const MONTH_SECONDS = 30 * DAY_SECONDS

export interface ChargeDependencies {
  readonly tenantObjects: TenantObjects
  readonly clock: Clock
  /** Hears of failures that no request is told of. */
  readonly report?: (what: string, error: unknown) => void
}

/** One per isolate. */
export class Charges {
  readonly #limiter: RateLimiter
  readonly #meter: ReadMeter

  constructor({ tenantObjects, clock, report }: ChargeDependencies) {
    this.#limiter = new RateLimiter({
      objectOf: (tenantUid) => tenantObjects.of(tenantUid),
      clock,
      ...(report === undefined ? {} : { report: (error) => report('rates', error) }),
    })
    this.#meter = new ReadMeter({
      objectOf: (tenantUid) => tenantObjects.of(tenantUid),
      clock,
      ...(report === undefined ? {} : { report: (error) => report('reads', error) }),
    })
  }

  /** Comes after authentication and its refusals. `CF-Connecting-IP` is the caller's address. */
  begin(request: Request, exchange: Exchange, principal: Principal, keepAlive: KeepAlive): Charge {
    const verdict = this.#rate(principal, request.headers.get('cf-connecting-ip'), keepAlive)
    // Who is refused before the judgement is charged all the same.
    keepAlive(verdict)
    return new Charge({ verdict, meter: this.#meter, exchange, principal, keepAlive })
  }

  async #rate(principal: Principal, address: string | null, keepAlive: KeepAlive): Promise<RateVerdict> {
    const policies = await ratePolicies(principal, address)
    if (principal.tenant === undefined || policies.length === 0) return { retryAfterMs: 0, states: [] }
    return this.#limiter.charge(principal.tenant.uid, policies, keepAlive)
  }
}

interface ChargeParts {
  readonly verdict: Promise<RateVerdict>
  readonly meter: ReadMeter
  readonly exchange: Exchange
  readonly principal: Principal
  readonly keepAlive: KeepAlive
}

/** What a read may spend, and who is told of it. */
export interface ReadLimits {
  readonly withoutVectors?: Problem
  readonly meter: ModelMeter
}

/** The charge of one request. */
export class Charge {
  readonly #parts: ChargeParts
  /** The refusal whose limit the answer names already. */
  #named: unknown

  constructor(parts: ChargeParts) {
    this.#parts = parts
  }

  /** Lets the answer say where the rates stand, unless it says so already. */
  async tell(): Promise<void> {
    const { states } = await this.#parts.verdict
    this.#parts.exchange.limits ??= states
  }

  /** The last refusal before the handler runs. From here on the answer says where the limits stand. @throws rate_limited */
  async judge(): Promise<void> {
    const { retryAfterMs, states } = await this.#parts.verdict
    await this.tell()
    if (retryAfterMs === 0) return
    const spent = states.filter(({ remaining }) => remaining === 0).map(({ name }) => name)
    const detail = `nothing is left of the rate: ${spent.join(', ')}`
    throw new Problem('rate_limited', detail, { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
  }

  /**
   * Does one search or answer and counts it if it succeeds, for the collection given. The work is told where the budget of
   * the day leaves only searches by keyword: by the problem to throw where it can do none.
   * @throws monthly_quota_exceeded, budget_exceeded, overloaded, what the work throws
   */
  async read<T>(
    meter: ReadMeterName,
    collectionId: CollectionId,
    work: (limits: ReadLimits) => Promise<T>,
  ): Promise<T> {
    const { principal, keepAlive } = this.#parts
    const tenant = requireTenant(principal)
    const reader = { tenant, keyId: principal.keyId }
    return this.#naming(meter, async () => {
      const begun = this.#parts.meter.begin(reader, meter, keepAlive)
      const ticket = begun instanceof Promise ? await begun : begun
      const withoutVectors = ticket.keywordOnly
      const goesOn = meter === 'searches' && tenant.limits.dailyBudget?.whenSpent === 'keyword'
      const tokens = new TokenCharge({ meter: this.#parts.meter, reader, collectionId, goesOn, keepAlive })
      try {
        const result = await work({
          meter: this.#namingTokens(tokens),
          ...(withoutVectors === undefined ? {} : { withoutVectors }),
        })
        ticket.count(collectionId)
        return result
      } catch (error) {
        ticket.release()
        throw error
      } finally {
        tokens.close()
      }
    })
  }

  /**
   * Has a model read texts for the caller, beside any collection; the meter is to be asked before.
   * @throws what the work throws
   */
  async spend<T>(work: (meter: ModelMeter) => Promise<T>): Promise<T> {
    const { principal, keepAlive, meter } = this.#parts
    const reader = { tenant: requireTenant(principal), keyId: principal.keyId }
    const tokens = new TokenCharge({ meter, reader, goesOn: false, keepAlive })
    try {
      return await work(this.#namingTokens(tokens))
    } finally {
      tokens.close()
    }
  }

  #namingTokens(tokens: TokenCharge): ModelMeter {
    return {
      note: (model, read) => tokens.note(model, read),
      admit: (model, estimate) => this.#naming('embeddingTokens', () => tokens.admit(model, estimate)),
    }
  }

  /** Has this isolate's searches and answers counted, so that who asks next sees their own. */
  tellReads(): Promise<void> {
    return this.#parts.meter.tellNow(requireTenant(this.#parts.principal).uid)
  }

  /**
   * Does one write, which reserves what it needs by itself; its refusal says which limit had too little left.
   * @throws what the work throws
   */
  write<T>(work: () => Promise<T>): Promise<T> {
    return this.#naming('embeddingTokens', work)
  }

  /** Lets the answer name the quota or budget that the work was refused by. */
  async #naming<T>(meter: MonthlyMeter, work: () => Promise<T>): Promise<T> {
    const { principal, exchange } = this.#parts
    try {
      return await work()
    } catch (error) {
      if (error === this.#named) throw error
      this.#named = error
      const spent = spentLimit(asProblem(error), meter, requireTenant(principal).limits)
      if (spent !== undefined) exchange.limits = [spent, ...(exchange.limits ?? [])]
      throw error
    }
  }
}

/** What has a quota of the month. */
type MonthlyMeter = ReadMeterName | 'embeddingTokens'

/** The quota or budget that a problem says is used up. A budget is told in micro-dollars. */
function spentLimit(problem: Problem | undefined, meter: MonthlyMeter, limits: TenantLimits): LimitState | undefined {
  const resetSeconds = problem?.retryAfterSeconds ?? 0
  if (problem?.code === 'budget_exceeded') {
    const quota = Math.round((limits.dailyBudget?.usd ?? 0) * 1e6)
    return { name: 'budget', quota, windowSeconds: DAY_SECONDS, remaining: 0, resetSeconds }
  }
  if (problem?.code !== 'monthly_quota_exceeded') return undefined
  const quota = limits[`${meter}PerMonth`] ?? 0
  return { name: meter, quota, windowSeconds: MONTH_SECONDS, remaining: 0, resetSeconds }
}

/**
 * Says where the limits stand, by draft-ietf-httpapi-ratelimit-headers: `"key";q=1000;w=60` and `"key";r=12;t=59`. The
 * bucket that a policy stands for holds `q` and is filled in `w` seconds; `t` is when it is full again.
 */
export function addLimitHeaders(headers: Headers, limits: readonly LimitState[]): void {
  if (limits.length === 0) return
  headers.set(
    'ratelimit-policy',
    limits.map(({ name, quota, windowSeconds }) => `"${name}";q=${quota};w=${windowSeconds}`).join(', '),
  )
  headers.set(
    'ratelimit',
    limits.map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`).join(', '),
  )
}
