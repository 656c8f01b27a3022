/**
 * The tenant's own Durable Object: what must be counted or remembered for one tenant. It holds no content and no secret in
 * the clear. Thin: it is made of parts, each a store over the SQL port that `worker.ts` passes in, and every call is one
 * method of one part; its alarm runs the parts that are due.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock } from '../core/clock.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { ChangeReport, ShardPosition } from '../core/usage.ts'
import { AuditLog } from './audit-log.ts'
import type {
  AuditEnd,
  AuditEntry,
  AuditHead,
  AuditPage,
  AuditPageRequest,
  AuditPort,
  AuditVerdict,
  Refusal,
} from './audit-line.ts'
import { Ledger } from './ledger.ts'
import type {
  LedgerOptions,
  ReadLease,
  ReadLeaseRequest,
  ReadReport,
  ReserveRequest,
  ReserveResult,
  TokenLease,
  TokenLeaseRequest,
  UsageQuery,
  UsageReport,
} from './ledger.ts'
import type { ErasedCounts, ErasureRecord } from './erasure-record.ts'
import { ErasureRecords } from './erasure-record.ts'
import { FirstCount } from './first-count.ts'
import type { RequestAllReports } from './first-count.ts'
import { TENANT_MIGRATIONS } from './migrations.ts'
import { PartAlarm } from './part-alarm.ts'
import { PlannedDeletions } from './planned-deletions.ts'
import { PlannedRevocations } from './planned-revocations.ts'
import type { RevocationOptions } from './planned-revocations.ts'
import { RateBuckets } from './rate-buckets.ts'
import type { RateGrant, RatePort, RateRequest } from './rate-buckets.ts'
import type { BeginReplayResult, ReplayPort, SealedAnswer } from './replay-port.ts'
import { ReplayStore } from './replay-store.ts'
import type { Sealer } from './sealing.ts'
import type { Signer } from './signing.ts'
import type { TenantLimits } from './tenant-limits.ts'
import type { TenantPart } from './tenant-part.ts'
import { keyRevoked, quotaWarning } from './webhook-events.ts'
import type { WebhookEvent } from './webhook-events.ts'
import { Webhooks } from './webhooks.ts'
import type {
  DeliveryPage,
  DeliveryRecord,
  NewWebhook,
  SendNowResult,
  WebhookChange,
  WebhookOptions,
  WebhookPage,
  WebhookRecord,
  WebhookWithSecret,
} from './webhooks.ts'

export interface TenantObjectDependencies {
  readonly clock: Clock
  /** Opens the object's SQLite and brings its schema up to the migrations given. */
  readonly openDatabase: (storage: DurableObjectStorage, migrations: readonly SqlMigration[]) => SqlDatabase
  /**
   * Erases what is marked deleted of this tenant: all of it (`done`), a part (`more`), or, where the tenant itself was
   * deleted, everything but this object (`gone`).
   */
  readonly finishDeletions: (tenantUid: TenantUid) => Promise<'done' | 'more' | 'gone'>
  /** When a key was revoked; `undefined` while it is not. */
  readonly revokedAtMs: RevocationOptions['revokedAtMs']
  /** Has one shard report all that its log says; `gone` when its collection is deleted. */
  readonly flushChanges: LedgerOptions['flushChanges']
  /** Has the tenant's shards report, a part of them at a time. */
  readonly requestAllReports: RequestAllReports
  /** Writes absolute sums of changed days to D1. */
  readonly rollUpUsage: LedgerOptions['rollUp']
  /** Signs the heads of the audit chain. */
  readonly signer: Signer
  /** Seals the secrets of webhooks. */
  readonly sealer: Sealer
  /** Sends one delivery of a webhook. */
  readonly send: WebhookOptions['send']
  /** Hears of failures in the background, which no request can report. */
  readonly report: (error: unknown) => void
}

/** All that an erased tenant's object remembers, so that a late request does not fill it again. */
const ERASED = 'erased'

/** The subject of a planned deletion is a collection's id, or this. */
const WHOLE_TENANT = 'tenant'

interface Parts {
  readonly replays: ReplayStore
  readonly deletions: PlannedDeletions
  readonly revocations: PlannedRevocations
  readonly ledger: Ledger
  readonly firstCount: FirstCount
  readonly audit: AuditLog
  /** Last, because its run waits for receivers. */
  readonly webhooks: Webhooks
  /** In the operator's object only. */
  readonly erasures: ErasureRecords
}

/** The parts that do something by themselves. */
const scheduledOf = (parts: Parts): TenantPart[] =>
  Object.values<object>({ ...parts }).filter((part): part is TenantPart => 'nextDueMs' in part)

export class TenantObject<Env = unknown> extends DurableObject<Env> implements ReplayPort, RatePort, AuditPort {
  readonly #dependencies: TenantObjectDependencies
  /** In memory only: after a restart every bucket is full. */
  readonly #rates: RateBuckets
  readonly #alarm: PartAlarm
  #parts: Parts | undefined

  constructor(state: DurableObjectState, env: Env, dependencies: TenantObjectDependencies) {
    super(state, env)
    this.#dependencies = dependencies
    this.#rates = new RateBuckets(dependencies.clock)
    this.#alarm = new PartAlarm({
      storage: state.storage,
      clock: dependencies.clock,
      parts: () => (this.#isErased() ? [] : scheduledOf(this.#opened())),
      report: dependencies.report,
    })
  }

  async beginReplay(lookup: string, fingerprint: string): Promise<BeginReplayResult> {
    const { replays } = this.#opened()
    const result = replays.begin(lookup, fingerprint, this.#dependencies.clock())
    if (result.kind === 'run') await this.#arm()
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

  async takeRates(requests: readonly RateRequest[]): Promise<RateGrant[]> {
    this.#opened()
    return this.#rates.take(requests)
  }

  /** Before anything is marked deleted. From here on the alarm sees to the end, whatever happens to the caller. */
  async planDeletion(tenantUid: TenantUid, subject: string): Promise<void> {
    const { deletions, ledger } = this.#opened()
    const nowMs = this.#dependencies.clock()
    deletions.plan(tenantUid, subject, nowMs)
    if (subject !== WHOLE_TENANT) ledger.deletionPlanned(subject as CollectionId, nowMs)
    await this.#arm()
  }

  /** After everything is erased that was marked under `subject`. */
  async deletionFinished(subject: string): Promise<void> {
    const { deletions, ledger } = this.#opened()
    deletions.finished(subject)
    if (subject !== WHOLE_TENANT) ledger.collectionDeleted(subject as CollectionId, this.#dependencies.clock())
    await this.#arm()
  }

  /** Before a key is revoked. From here on the alarm sees to its event, whatever happens to the caller. */
  async planRevocation(keyId: string): Promise<void> {
    await this.#armed(() => this.#opened().revocations.plan(keyId, this.#dependencies.clock()))
  }

  /** After a key was revoked: sends `key.revoked` to every webhook that wants it. */
  async revocationFinished(keyId: string, revokedAtMs: number): Promise<void> {
    await this.#armed(() => this.#opened().revocations.finished(keyId, revokedAtMs))
  }

  /** Counts what a shard's log says, each entry once; answers the position now held for that shard. */
  async applyChanges(report: ChangeReport): Promise<number> {
    return this.#armed(() => this.#opened().ledger.applyChanges(report, this.#dependencies.clock()))
  }

  /** Before a write: reserves what it may use, or says which limit is in the way. */
  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    await this.#opened().firstCount.done(request.tenantUid)
    const result = await this.#opened().ledger.reserveFresh(request, this.#dependencies.clock)
    await this.#arm()
    return result
  }

  /** After a write whose commits are all known: `committed` are their places. */
  async settle(id: string, committed: readonly ShardPosition[]): Promise<void> {
    this.#opened().ledger.settle(id, committed)
  }

  /** A share of the searches or answers that are left. */
  async leaseReads(request: ReadLeaseRequest): Promise<ReadLease> {
    return this.#armed(() => this.#opened().ledger.leaseReads(request, this.#dependencies.clock()))
  }

  /** Leave to spend tokens that no write reserves, or which limit is in the way. */
  async leaseTokens(request: TokenLeaseRequest): Promise<TokenLease> {
    return this.#armed(() => this.#opened().ledger.leaseTokens(request, this.#dependencies.clock()))
  }

  /** Counts reads that were done, once for each report, and takes back the leases that end with them. */
  async recordReads(tenantUid: TenantUid, report: ReadReport): Promise<void> {
    await this.#armed(() => this.#opened().ledger.recordReads(tenantUid, report, this.#dependencies.clock()))
  }

  /** After a tenant's limits were changed, so that warnings go by the new ones. */
  async limitsChanged(tenantUid: TenantUid, limits: TenantLimits): Promise<void> {
    await this.#armed(() => this.#opened().ledger.limitsChanged(tenantUid, limits, this.#dependencies.clock()))
  }

  /** What was used between two days, what is stored, and how full each limited meter is. */
  async usage(tenantUid: TenantUid, query: UsageQuery): Promise<UsageReport> {
    await this.#opened().firstCount.done(tenantUid)
    return this.#opened().ledger.usage(query, this.#dependencies.clock())
  }

  /** In the operator's object: adds what one run of an erasure removed. `tenantId` is the public id. */
  async recordErasure(tenantId: string, counts: ErasedCounts, isFinished: boolean): Promise<ErasureRecord> {
    return this.#opened().erasures.add(tenantId, counts, isFinished, this.#dependencies.clock())
  }

  async findErasure(tenantId: string): Promise<ErasureRecord | undefined> {
    return this.#opened().erasures.find(tenantId)
  }

  /** Before an action: remembers it, so that it leaves a line whatever happens. Answers the head of the chain. */
  async beginAudit(entry: AuditEntry): Promise<AuditHead> {
    return this.#armed(() => this.#opened().audit.begin(entry, this.#dependencies.clock()))
  }

  /** After an action; `false` where none was begun, or its end was told before. */
  async endAudit(requestId: string, end: AuditEnd): Promise<boolean> {
    const isTold = await this.#opened().audit.end(requestId, end, this.#dependencies.clock())
    await this.#arm()
    return isTold
  }

  async recordRefusal(refusal: Refusal): Promise<void> {
    await this.#opened().audit.refused(refusal, this.#dependencies.clock())
    await this.#arm()
  }

  async listAudit(page: AuditPageRequest): Promise<AuditPage> {
    return this.#opened().audit.list(page)
  }

  async verifyAudit(): Promise<AuditVerdict> {
    return this.#opened().audit.verify()
  }

  /** The same operation makes the same webhook again, with another secret. `full` where there are as many as may be. */
  async createWebhook(operationId: string, request: NewWebhook): Promise<WebhookWithSecret | 'full'> {
    return this.#opened().webhooks.create(operationId, request)
  }

  async listWebhooks(page: WebhookPage): Promise<WebhookRecord[]> {
    return this.#opened().webhooks.list(page)
  }

  async getWebhook(id: string): Promise<WebhookRecord | undefined> {
    return this.#opened().webhooks.find(id)
  }

  async updateWebhook(id: string, change: WebhookChange): Promise<WebhookRecord | undefined> {
    return this.#armed(() => this.#opened().webhooks.update(id, change))
  }

  async deleteWebhook(id: string): Promise<boolean> {
    return this.#opened().webhooks.delete(id)
  }

  async rotateWebhookSecret(id: string, operationId: string): Promise<WebhookWithSecret | undefined> {
    return this.#opened().webhooks.rotate(id, operationId)
  }

  /** Sends an event to every webhook that wants it; one with an id that was told before is dropped. */
  async emitEvent(event: WebhookEvent): Promise<void> {
    await this.#armed(() => this.#opened().webhooks.emit(event))
  }

  async listDeliveries(id: string, page: DeliveryPage): Promise<DeliveryRecord[] | undefined> {
    return this.#opened().webhooks.deliveries(id, page)
  }

  async testWebhook(id: string): Promise<SendNowResult> {
    return this.#armed(() => this.#opened().webhooks.test(id))
  }

  async redeliver(id: string, deliveryId: string): Promise<SendNowResult> {
    return this.#armed(() => this.#opened().webhooks.redeliver(id, deliveryId))
  }

  /** Empties the object for good; every later call answers `not_found`. Safe to repeat. */
  async erase(): Promise<void> {
    this.#parts = undefined
    await this.ctx.storage.deleteAlarm()
    await this.ctx.storage.deleteAll()
    this.ctx.storage.kv.put(ERASED, true)
  }

  override async alarm(): Promise<void> {
    await this.#alarm.run()
  }

  async #arm(): Promise<void> {
    await this.#alarm.arm()
  }

  /** Does what may give a part something to do. */
  async #armed<T>(work: () => T): Promise<T> {
    const result = work()
    await this.#arm()
    return result
  }

  #isErased(): boolean {
    return this.ctx.storage.kv.get(ERASED) === true
  }

  #opened(): Parts {
    if (this.#parts !== undefined) return this.#parts
    if (this.#isErased()) throw new Problem('not_found')
    const { clock, finishDeletions, openDatabase, sealer, send, signer } = this.#dependencies
    const { flushChanges, requestAllReports, revokedAtMs, rollUpUsage } = this.#dependencies
    const database = openDatabase(this.ctx.storage, TENANT_MIGRATIONS)
    const webhooks = new Webhooks(database, { sealer, send, clock, random: Math.random })
    this.#parts = {
      replays: new ReplayStore(database),
      erasures: new ErasureRecords(database),
      deletions: new PlannedDeletions(database, {
        clock,
        finish: async (tenantUid) => {
          const run = await finishDeletions(tenantUid)
          if (run === 'gone') await this.erase()
          return this.#isErased() ? 'gone' : run
        },
      }),
      revocations: new PlannedRevocations(database, {
        revokedAtMs,
        tell: (keyId, atMs) => webhooks.emit(keyRevoked(keyId, atMs)),
      }),
      ledger: new Ledger(database, {
        flushChanges,
        pause: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
        rollUp: rollUpUsage,
        warn: (warning) => webhooks.emit(quotaWarning(warning)),
        changed: (report, fresh) => webhooks.changed(report, fresh),
      }),
      firstCount: new FirstCount(database, requestAllReports),
      audit: new AuditLog(database, { signer, chain: this.ctx.id.toString() }),
      webhooks,
    }
    return this.#parts
  }
}
