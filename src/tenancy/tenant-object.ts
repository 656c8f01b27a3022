/**
 * The tenant's own Durable Object: replay records and deletions to be finished today; quotas, rates, usage and the audit
 * chain later. It knows no keys and holds no content. Thin: each call is one transaction of a store over the SQL port,
 * which `worker.ts` passes in.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import { PlannedDeletions } from './planned-deletions.ts'
import type { BeginReplayResult, ReplayPort, SealedAnswer } from './replay-port.ts'
import { ReplayStore } from './replay-store.ts'

export interface TenantObjectDependencies {
  readonly clock: Clock
  /** Opens the object's SQLite and brings its schema up to the migrations given. */
  readonly openDatabase: (storage: DurableObjectStorage, migrations: readonly SqlMigration[]) => SqlDatabase
  /**
   * Erases what is marked deleted of this tenant: all of it (`done`), a part (`more`), or, where the tenant itself was
   * deleted, everything but this object (`gone`).
   */
  readonly finishDeletions: (tenantUid: TenantUid) => Promise<'done' | 'more' | 'gone'>
  /** Hears of failures in the background, which no request can report. */
  readonly report: (error: unknown) => void
}

/** All that an erased tenant's object remembers, so that a late request does not fill it again. */
const ERASED = 'erased'

interface Stores {
  readonly replays: ReplayStore
  readonly deletions: PlannedDeletions
}

export class TenantObject<Env = unknown> extends DurableObject<Env> implements ReplayPort {
  static readonly migrations: readonly SqlMigration[] = [...ReplayStore.migrations, ...PlannedDeletions.migrations]

  readonly #dependencies: TenantObjectDependencies
  #stores: Stores | undefined

  constructor(state: DurableObjectState, env: Env, dependencies: TenantObjectDependencies) {
    super(state, env)
    this.#dependencies = dependencies
  }

  async beginReplay(lookup: string, fingerprint: string): Promise<BeginReplayResult> {
    const { replays } = this.#opened()
    const result = replays.begin(lookup, fingerprint, this.#dependencies.clock())
    if (result.kind === 'run') await this.#wakeBy(replays.nextExpiryMs())
    return result
  }

  async renewReplay(lookup: string, lease: string): Promise<boolean> {
    return this.#opened().replays.renew(lookup, lease, this.#dependencies.clock())
  }

  async finishReplay(lookup: string, lease: string, answer: SealedAnswer): Promise<boolean> {
    return this.#opened().replays.finish(lookup, lease, answer, this.#dependencies.clock())
  }

  async dropReplay(lookup: string, lease: string): Promise<void> {
    this.#opened().replays.drop(lookup, lease)
  }

  /** Before anything is marked deleted. From here on the alarm sees to the end, whatever happens to the caller. */
  async planDeletion(tenantUid: TenantUid, subject: string): Promise<void> {
    const { deletions } = this.#opened()
    deletions.plan(tenantUid, subject, this.#dependencies.clock())
    await this.#wakeBy(deletions.nextDueMs())
  }

  /** After everything is erased that was marked under `subject`. */
  async deletionFinished(subject: string): Promise<void> {
    this.#opened().deletions.finished(subject)
  }

  /** Empties the object for good; every later call answers `not_found`. Safe to repeat. */
  async erase(): Promise<void> {
    this.#stores = undefined
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
    this.ctx.storage.kv.put(ERASED, true)
  }

  override async alarm(): Promise<void> {
    if (this.#isErased()) return
    const { replays } = this.#opened()
    const nextExpiryMs = replays.prune(this.#dependencies.clock())
    await this.#finishDeletions()
    if (this.#isErased()) return
    const nextDueMs = this.#opened().deletions.nextDueMs()
    const nextMs = Math.min(nextExpiryMs ?? Infinity, nextDueMs ?? Infinity)
    if (nextMs !== Infinity) await this.#wakeBy(nextMs)
  }

  /** Never throws: after six failures the platform would give the alarm up. */
  async #finishDeletions(): Promise<void> {
    const { clock, finishDeletions, report } = this.#dependencies
    const tenantUid = this.#opened().deletions.due(clock())
    if (tenantUid === undefined) return
    try {
      const run = await finishDeletions(tenantUid)
      if (run === 'gone') await this.erase()
      // The request that began it may have come to its end meanwhile, and have erased this object.
      else if (!this.#isErased()) this.#opened().deletions.settle(run, clock())
    } catch (error) {
      report(error)
      if (!this.#isErased()) this.#opened().deletions.settle('failed', clock())
    }
  }

  async #wakeBy(timeMs: number | undefined): Promise<void> {
    if (timeMs === undefined) return
    const alarmMs = await this.ctx.storage.getAlarm()
    if (alarmMs === null || alarmMs > timeMs) await this.ctx.storage.setAlarm(timeMs)
  }

  #isErased(): boolean {
    return this.ctx.storage.kv.get(ERASED) === true
  }

  #opened(): Stores {
    if (this.#stores !== undefined) return this.#stores
    if (this.#isErased()) throw new Problem('not_found')
    const database = this.#dependencies.openDatabase(this.ctx.storage, TenantObject.migrations)
    this.#stores = { replays: new ReplayStore(database), deletions: new PlannedDeletions(database) }
    return this.#stores
  }
}
