/**
 * One provider of a model, asked with patience: each attempt within a time limit and by leave of the endpoint's health,
 * further attempts after a delay with full jitter (Brooker 2015, "Exponential Backoff And Jitter") within its budget.
 */
import type { CallPolicy } from './call-policy.ts'
import type { EndpointHealth } from './endpoint-health.ts'
import type { ProviderAdapter } from './provider-adapter.ts'
import { ProviderFault } from './provider-fault.ts'

/** Time and chance, so that tests wait for neither. */
export interface Patience {
  /** In [0, 1). */
  readonly random: () => number
  /** Resolves after `delayMs`, rejects as soon as `signal` fires. */
  readonly wait: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** Fires after `delayMs`. */
  readonly timeLimit: (delayMs: number) => AbortSignal
}

/** Who waits for a call: it ends when `caller` gives up, or with a fault when `total` fires. */
export interface CallLimits {
  readonly policy: CallPolicy
  /** Not where another provider can be asked instead: waiting again would use up its time. */
  readonly retriesTimeouts: boolean
  readonly total: AbortSignal
  readonly caller?: AbortSignal
}

/** What an attempt does with the adapter; `signal` ends it. */
type Attempt<T> = (adapter: ProviderAdapter, signal: AbortSignal) => Promise<T>

export class Endpoint {
  readonly adapter: ProviderAdapter
  readonly #health: EndpointHealth
  readonly #patience: Patience

  constructor(adapter: ProviderAdapter, health: EndpointHealth, patience: Patience) {
    this.adapter = adapter
    this.#health = health
    this.#patience = patience
  }

  /** @throws ProviderFault, or the caller's reason */
  async ask<T>(limits: CallLimits, attempt: Attempt<T>): Promise<T> {
    const { total, caller } = limits
    this.#health.earnRetry()
    let told: unknown
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#attempt(limits, attempt)
      } catch (error) {
        // Its own fault may have opened the breaker; that fault is what the caller is told.
        told = told !== undefined && error instanceof ProviderFault && error.kind === 'open' ? told : error
        const delayMs = error instanceof ProviderFault ? this.#delayMs(limits, attempts, error) : undefined
        if (delayMs === undefined || eitherOf(total, caller).aborted || !this.#health.spendRetry()) throw told
        await this.#wait(delayMs, total, caller)
      }
    }
  }

  /** Before the next attempt; `undefined` where there is none. */
  #delayMs({ policy, retriesTimeouts }: CallLimits, made: number, fault: ProviderFault): number | undefined {
    const { attempts, baseDelayMs, maxDelayMs } = policy
    if (!fault.mayRetry || made >= attempts || (fault.kind === 'timeout' && !retriesTimeouts)) return undefined
    const delayMs = this.#patience.random() * Math.min(baseDelayMs * 2 ** (made - 1), maxDelayMs)
    const askedMs = fault.retryAfterMs ?? 0
    // All who were told the same come back a little apart.
    return askedMs > maxDelayMs ? undefined : askedMs + delayMs
  }

  async #wait(delayMs: number, total: AbortSignal, caller?: AbortSignal): Promise<void> {
    try {
      await this.#patience.wait(delayMs, eitherOf(total, caller))
    } catch (error) {
      caller?.throwIfAborted()
      if (total.aborted) throw tooLate()
      throw error
    }
  }

  async #attempt<T>({ policy, total, caller }: CallLimits, attempt: Attempt<T>): Promise<T> {
    caller?.throwIfAborted()
    const lease = this.#health.enter(policy.attemptMs)
    const limit = AbortSignal.any([total, this.#patience.timeLimit(policy.attemptMs)])
    try {
      const result = await unlessAborted(eitherOf(limit, caller), (signal) => attempt(this.adapter, signal))
      this.#health.answered(lease)
      return result
    } catch (error) {
      if (caller?.aborted === true) throw caller.reason
      const fault = limit.aborted ? tooLate() : error
      if (!(fault instanceof ProviderFault)) throw fault
      if (fault.isOutage) this.#health.failed(lease, fault.retryAfterMs)
      else this.#health.answered(lease)
      throw fault
    } finally {
      this.#health.left(lease)
    }
  }
}

const tooLate = (): ProviderFault => new ProviderFault('timeout', 'the provider did not answer in time')

export const eitherOf = (one: AbortSignal, other?: AbortSignal): AbortSignal =>
  other === undefined ? one : AbortSignal.any([one, other])

/** Gives up when the signal fires, also on work that does not look at it. @throws the signal's reason */
export async function unlessAborted<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([work(signal), promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
