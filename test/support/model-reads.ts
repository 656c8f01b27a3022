/** Requests that have models read texts and write nothing, beside a naive model that knows what they read. */
import type { ReadReport, TokenLease } from '../../src/tenancy/ledger.ts'
import { dayOf } from '../../src/tenancy/ledger.ts'
import { costOfTokens } from '../../src/tenancy/prices.ts'
import { COLLECTIONS, MODELS, TENANT } from './ledger-subjects.ts'
import type { LedgerWorld } from './ledger-world.ts'

/** The ledger takes a lease that is older for lost. */
const FOLD_MS = 600_000

interface Lease {
  readonly id: string
  readonly model: number
  readonly tokens: number
  readonly madeMs: number
}

export class ModelReads {
  readonly #world: LedgerWorld
  #leases: Lease[] = []
  readonly #reports: ReadReport[] = []
  #toldMs = 0

  constructor(world: LedgerWorld) {
    this.#world = world
  }

  /** What requests under way may still read. */
  get open(): readonly Lease[] {
    return this.#leases
  }

  admit(model: number, tokens: number): void {
    const { ledger, limits, nowMs } = this.#world
    const spend = costOfTokens(MODELS[model] ?? MODELS[0], tokens)
    const lease: TokenLease = ledger.leaseTokens({ tenantUid: TENANT, tokens, spend, limits }, nowMs)
    if (lease.status === 'granted') this.#leases.push({ id: lease.id, model, tokens, madeMs: nowMs })
  }

  /** The request ends: it read a part of what it asked for. */
  read(share: number): void {
    const lease = this.#leases.shift()
    if (lease === undefined) return
    if (this.#world.nowMs >= lease.madeMs + FOLD_MS) return this.#lost(lease)
    const tokens = Math.floor(lease.tokens * share)
    const model = MODELS[lease.model] ?? MODELS[0]
    const cost = costOfTokens(model, tokens)
    const day = dayOf(lease.madeMs)
    const collectionId = COLLECTIONS[lease.model]
    const count = { model: model.id, requests: 1, tokens, cost, quotaTokens: tokens, keyId: 'key3', day }
    const models = [{ ...count, ...(collectionId === undefined ? {} : { collectionId }) }]
    const report = { id: `report-${this.#reports.length}`, reads: [], models, leaseIds: [lease.id] }
    this.#reports.push(report)
    this.#toldMs = this.#world.nowMs
    this.#world.spent(day, tokens, cost)
    this.#world.readByModel(`${day}/${collectionId ?? ''}/key3/${model.id}`, { requests: 1, tokens, cost })
    this.#world.ledger.recordReads(TENANT, report, this.#world.nowMs)
  }

  /** An isolate that never heard the answer tells the last report again, soon. */
  tellAgain(): void {
    const last = this.#reports.at(-1)
    if (last === undefined || this.#world.nowMs >= this.#toldMs + FOLD_MS) return
    this.#world.ledger.recordReads(TENANT, last, this.#world.nowMs)
  }

  /** The isolate dies: nobody will ever know what was read. */
  lose(): void {
    const lease = this.#leases.shift()
    if (lease !== undefined) this.#lost(lease)
  }

  #lost({ model, tokens, madeMs }: Lease): void {
    this.#world.spent(dayOf(madeMs), tokens, costOfTokens(MODELS[model] ?? MODELS[0], tokens))
  }
}
