/**
 * What a request is charged for: each one to the rates of its credential. The charge starts as soon as the credential is
 * known, beside everything else, so that refused requests count as well, and is judged last, just before the handler runs.
 */
import { Problem } from '../core/problem.ts'
import type { Principal } from '../tenancy/principal.ts'
import { RateLimiter } from '../tenancy/rate-limiter.ts'
import type { RateVerdict } from '../tenancy/rate-limiter.ts'
import { ratePolicies } from '../tenancy/rate-policies.ts'
import type { AppDependencies } from './dependencies.ts'
import type { Exchange } from './exchange.ts'

type KeepAlive = (work: Promise<unknown>) => void

/** One limit as callers see it in `RateLimit` and `RateLimit-Policy`. Whole numbers. */
export interface LimitState {
  readonly name: string
  /** What may be spent in a window. */
  readonly quota: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Until `remaining` is `quota` again, if nothing is spent. */
  readonly resetSeconds: number
}

/** One per isolate. */
export class Charges {
  readonly #limiter: RateLimiter

  constructor({ tenantObjects, clock, report }: Pick<AppDependencies, 'tenantObjects' | 'clock' | 'report'>) {
    this.#limiter = new RateLimiter({
      objectOf: (tenantUid) => tenantObjects.of(tenantUid),
      clock,
      ...(report === undefined ? {} : { report: (error) => report('rates', error) }),
    })
  }

  /** Comes after authentication and its refusals. `CF-Connecting-IP` is the caller's address. */
  begin(request: Request, exchange: Exchange, principal: Principal, keepAlive: KeepAlive): Charge {
    const verdict = this.#rate(principal, request.headers.get('cf-connecting-ip'), keepAlive)
    // Who is refused before the judgement is charged all the same.
    keepAlive(verdict)
    return new Charge(verdict, exchange)
  }

  async #rate(principal: Principal, address: string | null, keepAlive: KeepAlive): Promise<RateVerdict> {
    const policies = await ratePolicies(principal, address)
    if (principal.tenant === undefined || policies.length === 0) return { retryAfterMs: 0, states: [] }
    return this.#limiter.charge(principal.tenant.uid, policies, keepAlive)
  }
}

/** The charge of one request. */
export class Charge {
  readonly #verdict: Promise<RateVerdict>
  readonly #exchange: Exchange

  constructor(verdict: Promise<RateVerdict>, exchange: Exchange) {
    this.#verdict = verdict
    this.#exchange = exchange
  }

  /** The last refusal before the handler runs. From here on the answer says where the limits stand. @throws rate_limited */
  async judge(): Promise<void> {
    const { retryAfterMs, states } = await this.#verdict
    this.#exchange.limits = states
    if (retryAfterMs === 0) return
    throw new Problem('rate_limited', undefined, { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) })
  }
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
