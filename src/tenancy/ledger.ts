/**
 * What a tenant uses: the part of its object that reserves before a write, learns from the shards' change logs what was
 * written, counts reads, and answers for all of it. Used is what is settled (every log entry counted exactly once, by its
 * position), what staged work holds, and what is reserved and not yet settled; it never passes a limit. Pure stores over the
 * SQL port do the work; every method is one transaction and takes the time from its caller.
 */
import type { CollectionId, TenantUid } from '../core/ids.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { ChangeReport, ReportedChange, ShardPosition } from '../core/usage.ts'
import { Consumption } from './ledger/consumption.ts'
import { Deletions } from './ledger/deletions.ts'
import { Judge } from './ledger/judge.ts'
import { LEASE_MS, Leases } from './ledger/leases.ts'
import { ReadReports } from './ledger/read-reports.ts'
import type {
  QuotaWarning,
  ReadLease,
  ReadLeaseRequest,
  ReadReport,
  ReserveRequest,
  ReserveResult,
  RollUpBatch,
  ShardRef,
  TokenLease,
  TokenLeaseRequest,
  UsageQuery,
  UsageReport,
} from './ledger/requests.ts'
import { RESOLVE_AFTER_MS, Reservations } from './ledger/reservations.ts'
import { LATER_LEDGER_MIGRATIONS, LEDGER_MIGRATIONS } from './ledger/schema.ts'
import { Totals } from './ledger/totals.ts'
import { reportUsage } from './ledger/usage-report.ts'
import { Warnings } from './ledger/warnings.ts'
import { WINDOWS } from './ledger/windows.ts'
import type { TenantLimits } from './tenant-limits.ts'
import { FORMER_MODEL } from './prices.ts'
import type { TenantPart } from './tenant-part.ts'

export { addUsage, NO_USAGE } from './ledger/consumption.ts'
export { USAGE_GROUPS } from './ledger/requests.ts'
export type {
  MeterUse,
  ModelAmounts,
  ModelCount,
  QuotaWarning,
  ReadCount,
  ReadLease,
  ReadLeaseRequest,
  ReadReport,
  ReserveRequest,
  ReserveResult,
  RollUpBatch,
  ShardRef,
  StoredAmounts,
  TokenLease,
  TokenLeaseRequest,
  UsageCounts,
  UsageGroup,
  UsageQuery,
  UsageReport,
  UsageRow,
} from './ledger/requests.ts'
export { dayOf, monthOf, DAY_MS } from './ledger/windows.ts'

/** How long a reservation lasts unless it is renewed. */
export const RESERVATION_MS = 30_000
/** Before a refusal the shards are asked what they have not reported yet: at most so often. */
const FLUSH_INTERVAL_MS = 1_000
/** Every other shard tells of its deletions by itself, within seconds. */
const MAX_FLUSHED_SHARDS = 64
/** Changed days are written to the control plane at most so often. */
const ROLL_UP_INTERVAL_MS = 60_000

export interface LedgerOptions {
  /**
   * Has one shard report all that its log says, and answers the position told; `gone` when its collection is deleted.
   */
  readonly flushChanges: (shard: ShardRef & { readonly tenantUid: TenantUid }) => Promise<number | 'gone'>
  readonly pause: (delayMs: number) => Promise<void>
  /** Writes absolute sums of changed days to the control plane; repeating it changes nothing. */
  readonly rollUp: (batch: RollUpBatch) => Promise<void>
  /** Told once when a meter first reaches 80 and 100 % of its limit in its window, in the transaction that did it. */
  readonly warn: (warning: QuotaWarning) => void
  /** Told of log entries that the ledger has not seen before, in the transaction that counts them. */
  readonly changed?: (report: ChangeReport, fresh: readonly ReportedChange[]) => void
}

export class Ledger implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = LEDGER_MIGRATIONS
  static readonly laterMigrations: readonly SqlMigration[] = LATER_LEDGER_MIGRATIONS

  readonly #database: SqlDatabase
  readonly #options: LedgerOptions
  readonly #totals: Totals
  readonly #reservations: Reservations
  readonly #consumption: Consumption
  readonly #leases: Leases
  readonly #readReports: ReadReports
  readonly #deletions: Deletions
  readonly #judge: Judge
  readonly #warnings: Warnings
  /** The flush that has not begun yet. */
  #nextFlush: Promise<void> | undefined
  #flushedMs = -Infinity

  constructor(database: SqlDatabase, options: LedgerOptions) {
    this.#database = database
    this.#options = options
    this.#totals = new Totals(database)
    this.#reservations = new Reservations(database)
    this.#consumption = new Consumption(database)
    this.#leases = new Leases(database, this.#consumption)
    this.#readReports = new ReadReports(database)
    this.#deletions = new Deletions(database)
    this.#judge = new Judge(database)
    this.#warnings = new Warnings(database, this.#judge, options.warn)
  }

  /**
   * Counts the entries that are new and answers the position now held for the shard.
   * A report that begins behind that position counts nothing: the shard begins again from there.
   * @throws an invariant error when entries are missing within the report
   */
  applyChanges(report: ChangeReport, nowMs: number): number {
    return this.#database.transaction((): number => {
      this.#consumption.remember(report.tenantUid)
      const isDeleted = this.#deletions.isDeleted(report.collectionId)
      const { fresh, position } = this.#totals.advance(report, nowMs, isDeleted)
      if (fresh.length > 0) {
        const { collectionId, model = FORMER_MODEL } = report
        const paid = this.#reservations.charge(fresh, model)
        this.#consumption.countWrites({ collectionId, model }, fresh, paid)
        if (!isDeleted) this.#noteStored(report.collectionId, nowMs)
        this.#options.changed?.(report, fresh)
        this.#warnings.check(nowMs)
      }
      this.#reservations.dropReached(this.#totals)
      return position
    })
  }

  /** Judges and reserves at once; a refusal leaves everything as it was. */
  reserve(request: ReserveRequest, nowMs: number): ReserveResult {
    return this.#database.transaction((): ReserveResult => {
      this.#consumption.remember(request.tenantUid)
      this.#judge.noteLimits(request.limits)
      if (request.renews === true && !this.#reservations.isOpen(request.id)) return { status: 'gone' }
      const refusal = this.#judge.refuse(request.amounts, request.limits, nowMs)
      if (refusal !== undefined) return refusal
      const expiresAtMs = nowMs + RESERVATION_MS
      this.#reservations.add(request, nowMs, expiresAtMs)
      this.#warnings.check(nowMs)
      return { status: 'granted', expiresAtMs }
    })
  }

  /** As `reserve`; before a stored quota is refused, the shards are asked for deletions that they have not reported. */
  async reserveFresh(request: ReserveRequest, clock: () => number): Promise<ReserveResult> {
    const result = this.reserve(request, clock())
    if (result.status !== 'refused' || WINDOWS[result.meter] !== 'stored') return result
    await this.#flushRecent(request.tenantUid, clock)
    return this.reserve(request, clock())
  }

  /** All refusals that wait for the next flush share it; it begins after each of them, at most once a second. */
  #flushRecent(tenantUid: TenantUid, clock: () => number): Promise<void> {
    this.#nextFlush ??= this.#flushInTurn(tenantUid, clock)
    return this.#nextFlush
  }

  async #flushInTurn(tenantUid: TenantUid, clock: () => number): Promise<void> {
    await this.#options.pause(Math.max(0, this.#flushedMs + FLUSH_INTERVAL_MS - clock()))
    this.#nextFlush = undefined
    this.#flushedMs = clock()
    const shards = this.#totals.recent(MAX_FLUSHED_SHARDS)
    // A shard that does not answer leaves its entries counted as they are: the refusal stands.
    await Promise.allSettled(shards.map(async (shard) => this.#options.flushChanges({ ...shard, tenantUid })))
  }

  /**
   * Ends a reservation whose writes are all known: `positions` are those of its commits. What it still holds goes once the
   * ledger has counted them.
   */
  settle(id: string, positions: readonly ShardPosition[]): void {
    this.#database.transaction(() => {
      this.#reservations.settle(id, positions)
      this.#reservations.dropReached(this.#totals)
    })
  }

  /** A small share of the searches or answers that are left. */
  leaseReads(request: ReadLeaseRequest, nowMs: number): ReadLease {
    return this.#database.transaction((): ReadLease => {
      this.#consumption.remember(request.tenantUid)
      this.#judge.noteLimits(request.limits)
      const left = this.#judge.readsLeft(request, nowMs)
      if ('refused' in left) return left.refused
      const lease = this.#leases.grant(request.meter, request.want, left.count, nowMs)
      return { status: 'granted', ...lease, expiresAtMs: nowMs + LEASE_MS }
    })
  }

  /** Leave to spend tokens that no write reserves; a refusal leaves everything as it was. */
  leaseTokens({ tenantUid, tokens, spend, limits }: TokenLeaseRequest, nowMs: number): TokenLease {
    return this.#database.transaction((): TokenLease => {
      this.#consumption.remember(tenantUid)
      this.#judge.noteLimits(limits)
      const refusal = this.#judge.refuse({ embeddingTokens: tokens, spend }, limits, nowMs)
      if (refusal !== undefined) return refusal
      return {
        status: 'granted',
        id: this.#leases.grantTokens({ tokens, spend }, nowMs),
        expiresAtMs: nowMs + LEASE_MS,
      }
    })
  }

  /** Counts reads and what models read, each report once, and takes back the leases that they end. */
  recordReads(tenantUid: TenantUid, { id, reads, models = [], leaseIds }: ReadReport, nowMs: number): void {
    this.#database.transaction(() => {
      this.#consumption.remember(tenantUid)
      if (!this.#readReports.take(id, nowMs)) return
      this.#leases.end(leaseIds)
      this.#consumption.countReads(reads)
      this.#consumption.countModels(models)
      this.#warnings.check(nowMs)
    })
  }

  /** What the tenant may use changed: nobody asks on behalf of one that may use anything. */
  limitsChanged(tenantUid: TenantUid, limits: TenantLimits, nowMs: number): void {
    this.#database.transaction(() => {
      this.#consumption.remember(tenantUid)
      this.#judge.noteLimits(limits)
      this.#warnings.check(nowMs)
    })
  }

  usage(query: UsageQuery, nowMs: number): UsageReport {
    return this.#database.transaction((): UsageReport => {
      this.#judge.noteLimits(query.limits)
      return reportUsage(this.#database, this.#judge, query, nowMs)
    })
  }

  /** A deletion was begun: whether it comes about is asked later, unless `collectionDeleted` says so before. */
  deletionPlanned(collectionId: CollectionId, nowMs: number): void {
    this.#deletions.plan(collectionId, nowMs)
  }

  /** Drops what is stored, held and reserved of a collection for good; late reports of it count no longer as stored. */
  collectionDeleted(collectionId: CollectionId, nowMs: number): void {
    this.#database.transaction(() => {
      this.#deletions.confirm(collectionId, nowMs)
      this.#reservations.dropOf(collectionId)
      // Of one that never reported there is nothing to tell, and perhaps nobody told the ledger whose it is.
      if (this.#totals.shardsOf(collectionId).length === 0) return
      this.#totals.clear(collectionId)
      this.#noteStored(collectionId, nowMs)
    })
  }

  #noteStored(collectionId: CollectionId, nowMs: number): void {
    this.#consumption.noteStored(collectionId, this.#totals.ofCollection(collectionId), nowMs)
  }

  nextDueMs(): number | undefined {
    const due = [
      this.#reservations.nextDueMs(),
      this.#deletions.nextDueMs(),
      this.#leases.nextDueMs(),
      this.#consumption.nextDueMs(ROLL_UP_INTERVAL_MS),
    ].filter((timeMs) => timeMs !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  /** @throws the first of what failed, after all the rest was done; what failed is tried again later */
  async run(nowMs: number): Promise<void> {
    const failures: unknown[] = []
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        failures.push(error)
      }
    }
    this.#leases.fold(nowMs)
    for (const collection of this.#deletions.toAsk(nowMs))
      await attempt(() => this.#askWhetherDeleted(collection, nowMs))
    for (const { id, shards } of this.#reservations.toResolve(nowMs)) {
      await attempt(() => this.#resolve(id, shards, nowMs))
    }
    await attempt(() => this.#rollUp(nowMs))
    if (failures.length > 0) throw failures[0]
  }

  /** Nothing can be committed under it any more: once its shards have told all, what it still holds was never used. */
  async #resolve(id: string, shards: readonly ShardRef[], nowMs: number): Promise<void> {
    this.#reservations.postpone(id, nowMs + RESOLVE_AFTER_MS)
    const answers = await Promise.all(shards.map(async (shard) => this.#flushed(shard)))
    for (const [index, answer] of answers.entries()) {
      const collectionId = shards[index]?.collectionId
      if (answer === 'gone' && collectionId !== undefined) this.collectionDeleted(collectionId, nowMs)
    }
    this.#reservations.drop(id, nowMs)
  }

  async #askWhetherDeleted(collectionId: CollectionId, nowMs: number): Promise<void> {
    this.#deletions.postpone(collectionId, nowMs)
    const [shard] = this.#totals.shardsOf(collectionId)
    if (shard === undefined || (await this.#flushed(shard)) !== 'gone') return
    this.collectionDeleted(collectionId, nowMs)
  }

  #flushed(shard: ShardRef): Promise<number | 'gone'> {
    return this.#options.flushChanges({ ...shard, tenantUid: this.#consumption.tenantUid() })
  }

  async #rollUp(nowMs: number): Promise<void> {
    const batch = this.#consumption.toRollUp(nowMs, ROLL_UP_INTERVAL_MS)
    if (batch === undefined) return
    await this.#options.rollUp(batch)
    this.#consumption.rolledUp(batch)
  }
}
