/** Webhooks on plain Node: a clock that stands still, receivers that a test plays, and kills in the middle of a send. */
import type { SqlDatabase } from '../../src/core/sql-database.ts'
import type { DeliveryOutcome, DeliveryRequest } from '../../src/egress/egress-api.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import { Sealer } from '../../src/tenancy/sealing.ts'
import { Webhooks } from '../../src/tenancy/webhooks.ts'

export const START_MS = Date.UTC(2026, 0, 31, 12)

/** `lost`: the request arrived, but the answer never does. */
type Behaviour = DeliveryOutcome | 'lost' | 'throws'

export class WebhookWorld {
  readonly database: SqlDatabase = new NodeSqlDatabase()
  readonly requests: (DeliveryRequest & { readonly atMs: number })[] = []
  nowMs = START_MS
  webhooks: Webhooks
  /** By URL; 204 unless told. */
  readonly behaviours = new Map<string, Behaviour>()
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve()

  constructor() {
    applyMigrations(this.database, Webhooks.migrations)
    this.webhooks = this.#start()
  }

  /** What the next start of a killed object does. */
  restart(): void {
    this.webhooks = this.#start()
  }

  /** Does what is due until nothing is, as the object's alarm would without time passing. */
  async settle(): Promise<void> {
    for (let runs = 0; (this.webhooks.nextDueMs() ?? Infinity) <= this.nowMs; runs++) {
      if (runs > 1_000) throw new Error('the outbox does not come to rest')
      await this.webhooks.run(this.nowMs)
    }
  }

  /** Lets time pass, stopping wherever something is due. */
  async pass(durationMs: number): Promise<void> {
    const endMs = this.nowMs + durationMs
    for (;;) {
      await this.settle()
      const nextMs = this.webhooks.nextDueMs() ?? Infinity
      if (nextMs > endMs) break
      this.nowMs = nextMs
    }
    this.nowMs = endMs
  }

  #start(): Webhooks {
    return new Webhooks(this.database, {
      sealer: new Sealer('ab'.repeat(32)),
      clock: () => this.nowMs,
      random: () => 0.5,
      send: async (request) => {
        this.requests.push({ ...request, atMs: this.nowMs })
        const behaviour = this.behaviours.get(request.url) ?? { status: 204 }
        if (behaviour === 'lost') return new Promise<never>(() => {})
        await this.gate
        if (behaviour === 'throws') throw new Error('the egress Worker is not there')
        return behaviour
      },
    })
  }
}
