/** The tenant's object as isolates that count reads see it, as simple as can be, and unreachable when a test says so. */
import { expect } from 'vitest'
import type { TenantUid } from '../../src/core/ids.ts'
import { Problem } from '../../src/core/problem.ts'
import type {
  ModelCount,
  ReadCount,
  ReadLease,
  ReadLeaseRequest,
  ReadReport,
  TokenLease,
  TokenLeaseRequest,
} from '../../src/tenancy/ledger.ts'
import type { ReadPort } from '../../src/tenancy/read-meter.ts'
import type { FakeTime } from './fake-timer.ts'

export const LEASE_MS = 10_000

/** A quota kept as simply as can be: used plus leased never passes the limit. */
export class NaiveReadObject implements ReadPort {
  readonly asked: ReadLeaseRequest[] = []
  readonly reports: (readonly ReadCount[])[] = []
  readonly leases = new Map<string, number>()
  readonly used = { searches: 0, answers: 0 }
  readonly models: ModelCount[] = []
  readonly askedTokens: TokenLeaseRequest[] = []
  /** `mute`: does what it is asked, and its answer is lost. */
  state: 'up' | 'down' | 'hanging' | 'mute' | 'erased' = 'up'
  readonly #known = new Set<string>()
  budgetSpent = false
  /** Lets a call that hangs come back. */
  comeBack: () => void = () => {}
  readonly #time: FakeTime

  constructor(time: FakeTime) {
    this.#time = time
  }

  async #reach(): Promise<void> {
    if (this.state === 'down') throw new Error('unreachable')
    if (this.state === 'erased') throw new Problem('not_found')
    if (this.state !== 'hanging') return
    await new Promise<void>((resolve) => {
      this.comeBack = resolve
    })
  }

  async leaseReads(request: ReadLeaseRequest): Promise<ReadLease> {
    this.asked.push(request)
    const id = `lease${this.asked.length}`
    await this.#reach()
    const { meter, want, limits, beyondBudget } = request
    if (this.budgetSpent && beyondBudget !== true && limits.dailyBudget !== undefined) {
      return { status: 'refused', meter: 'spend', retryAfterSeconds: 60, whenSpent: limits.dailyBudget.whenSpent }
    }
    const limit = (meter === 'searches' ? limits.searchesPerMonth : limits.answersPerMonth) ?? Infinity
    const leased = [...this.leases.values()].reduce((sum, count) => sum + count, 0)
    const left = limit - this.used[meter] - leased
    if (left < 1) return { status: 'refused', meter, retryAfterSeconds: 7_200 }
    const count = Math.max(1, Math.min(want, 64, Math.floor(left / 20)))
    this.leases.set(id, count)
    return { status: 'granted', id, count, expiresAtMs: this.#time.clock() + LEASE_MS }
  }

  async leaseTokens(request: TokenLeaseRequest): Promise<TokenLease> {
    this.askedTokens.push(request)
    const id = `tokens-${this.askedTokens.length}`
    await this.#reach()
    const { limits, tokens } = request
    if (this.budgetSpent && limits.dailyBudget !== undefined) {
      return { status: 'refused', meter: 'spend', retryAfterSeconds: 60 }
    }
    const used = this.models.reduce((sum, { quotaTokens }) => sum + quotaTokens, 0)
    if (used + tokens > (limits.embeddingTokensPerMonth ?? Infinity)) {
      return { status: 'refused', meter: 'embeddingTokens', retryAfterSeconds: 7_200 }
    }
    this.leases.set(id, 0)
    return { status: 'granted', id, expiresAtMs: this.#time.clock() + LEASE_MS }
  }

  async recordReads(_: TenantUid, { id: reportId, reads, models = [], leaseIds }: ReadReport): Promise<void> {
    await this.#reach()
    if (this.#known.has(reportId)) return
    this.#known.add(reportId)
    this.reports.push(reads)
    this.models.push(...models)
    for (const { searches, answers } of reads) {
      this.used.searches += searches
      this.used.answers += answers
    }
    for (const id of leaseIds) {
      expect(this.leases.delete(id)).toBe(true)
    }
    if (this.state === 'mute') throw new Error('the answer was lost')
  }
}
