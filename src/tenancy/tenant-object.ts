/**
 * The tenant's own Durable Object: replay records today; quotas, rates, usage and the audit chain later. It knows no keys
 * and holds no content. Thin: each call is one transaction of a store over the SQL port, which `worker.ts` passes in.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { BeginReplayResult, ReplayPort, SealedAnswer } from './replay-port.ts'
import { ReplayStore } from './replay-store.ts'

export interface TenantObjectDependencies {
  readonly clock: Clock
  /** Opens the object's SQLite and brings its schema up to the migrations given. */
  readonly openDatabase: (storage: DurableObjectStorage, migrations: readonly SqlMigration[]) => SqlDatabase
}

/** All that an erased tenant's object remembers, so that a late request does not fill it again. */
const ERASED = 'erased'

export class TenantObject<Env = unknown> extends DurableObject<Env> implements ReplayPort {
  static readonly migrations: readonly SqlMigration[] = [...ReplayStore.migrations]

  readonly #dependencies: TenantObjectDependencies
  #replays: ReplayStore | undefined

  constructor(state: DurableObjectState, env: Env, dependencies: TenantObjectDependencies) {
    super(state, env)
    this.#dependencies = dependencies
  }

  async beginReplay(lookup: string, fingerprint: string): Promise<BeginReplayResult> {
    const result = this.#store().begin(lookup, fingerprint, this.#dependencies.clock())
    if (result.kind === 'run') await this.#wakeForPruning()
    return result
  }

  async renewReplay(lookup: string, lease: string): Promise<boolean> {
    return this.#store().renew(lookup, lease, this.#dependencies.clock())
  }

  async finishReplay(lookup: string, lease: string, answer: SealedAnswer): Promise<boolean> {
    return this.#store().finish(lookup, lease, answer, this.#dependencies.clock())
  }

  async dropReplay(lookup: string, lease: string): Promise<void> {
    this.#store().drop(lookup, lease)
  }

  /** Empties the object for good; every later call answers `not_found`. Safe to repeat. */
  async erase(): Promise<void> {
    this.#replays = undefined
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
    this.ctx.storage.kv.put(ERASED, true)
  }

  override async alarm(): Promise<void> {
    if (this.#isErased()) return
    const nextMs = this.#store().prune(this.#dependencies.clock())
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs)
  }

  async #wakeForPruning(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) !== null) return
    const nextMs = this.#store().nextExpiryMs()
    if (nextMs !== undefined) await this.ctx.storage.setAlarm(nextMs)
  }

  #isErased(): boolean {
    return this.ctx.storage.kv.get(ERASED) === true
  }

  #store(): ReplayStore {
    if (this.#replays !== undefined) return this.#replays
    if (this.#isErased()) throw new Problem('not_found')
    const { openDatabase } = this.#dependencies
    this.#replays = new ReplayStore(openDatabase(this.ctx.storage, TenantObject.migrations))
    return this.#replays
  }
}
