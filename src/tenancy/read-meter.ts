/**
 * Counts searches and answers: the isolate's side. Each that succeeds counts once and is told to the tenant's object within
 * a second or with 200 others, after the answers have left: who is not limited waits for nothing. Where a quota or a budget
 * exists, reads are leased first, in small shares, so that isolates together never do more than it allows. A lease ends with
 * the report of what was done under it; a lease that is never reported counts as used up.
 */
import { randomBase62 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'
import { asProblem } from '../core/problem.ts'
import type { Problem } from '../core/problem.ts'
import { quotaProblem } from './allowances.ts'
import type { TenantState } from './key-store.ts'
import { dayOf } from './ledger.ts'
import type { ModelCount, ReadLease, ReadLeaseRequest, ReadReport, TokenLease, TokenLeaseRequest } from './ledger.ts'
import { RecentMap } from './rates/recent-map.ts'
import { OpenLease, ReadCounts } from './rates/open-lease.ts'
import { ReadLane } from './rates/read-lane.ts'
import type { ReadRefusal } from './rates/read-lane.ts'
import { leaveForTokens } from './rates/token-leave.ts'
import type { KeepAlive } from './read-through-cache.ts'
import type { TenantLimits } from './tenant-limits.ts'
import { systemTimer } from './timer.ts'
import type { Timer } from './timer.ts'

/** Of the tenant's object. */
export interface ReadPort {
  leaseReads(request: ReadLeaseRequest): Promise<ReadLease>
  leaseTokens(request: TokenLeaseRequest): Promise<TokenLease>
  recordReads(tenantUid: TenantUid, report: ReadReport): Promise<void>
}

export interface ReadMeterDependencies {
  readonly objectOf: (tenantUid: TenantUid) => Promise<ReadPort>
  readonly clock: Clock
  readonly timer?: Timer
  /** Hears why reads could not be reported or leased. */
  readonly report?: (error: unknown) => void
}

export type ReadMeterName = ReadLeaseRequest['meter']

/** Who reads. */
export interface Reader {
  readonly tenant: TenantState
  readonly keyId: string
}

/** What a model read for one request, and where. */
export type ModelRead = Omit<ModelCount, 'keyId' | 'day'>

/** Leave to have a model read tokens. Exactly one of its two ends is to be called. */
export interface TokenTicket {
  /** It read these. */
  count(read: ModelRead): void
  /** It read nothing. */
  release(): void
}

/** Leave to do one read. Exactly one of its two ends is to be called. */
export interface ReadTicket {
  /** The day's budget is spent and the tenant chose searches by keyword: why nothing else may be done. */
  readonly keywordOnly?: Problem
  /** It was done. */
  count(collectionId: CollectionId): void
  /** It failed: it counts nothing. */
  release(): void
}

/** What was counted is reported after this long at the latest. */
export const REPORT_MS = 1_000
/** And at once when so many were counted. */
export const REPORT_READS = 200
/** Who had to carry a report and shows no end after this long was cancelled. */
const LOST_CARRIER_MS = 5_000
/** A report that fails is tried so often, a second apart, and then with the next read. */
const REPORT_ATTEMPTS = 5
/** Tenants with reads that are not reported yet. */
const MAX_TENANTS = 10_000

/** What one isolate holds for one tenant. */
interface TenantReads {
  readonly uid: TenantUid
  /** Without a lease: of tenants that nobody limited. */
  readonly free: ReadCounts
  readonly leases: Set<OpenLease>
  readonly lanes: Map<string, ReadLane>
  /** Told, and not known to be taken: they are told again as they were, so that the object knows them again. */
  readonly open: Set<OpenReport>
  unreported: number
  carriedSinceMs: number
}

interface OpenReport extends ReadReport {
  /** When it was last tried; -Infinity once that is known to have failed. */
  triedMs: number
}

/** One per isolate. */
export class ReadMeter {
  readonly #dependencies: ReadMeterDependencies
  readonly #timer: Timer
  readonly #tenants = new RecentMap<TenantReads>(MAX_TENANTS)

  constructor(dependencies: ReadMeterDependencies) {
    this.#dependencies = dependencies
    this.#timer = dependencies.timer ?? systemTimer
  }

  /**
   * Before a read. Returns a promise only where the tenant is limited.
   * @throws (rejects) monthly_quota_exceeded, budget_exceeded; overloaded where the object cannot be asked: a quota is a
   *   promise about money, so it does not give way.
   */
  begin({ tenant, keyId }: Reader, meter: ReadMeterName, keepAlive: KeepAlive): ReadTicket | Promise<ReadTicket> {
    const held = this.#heldOf(tenant.uid)
    const context = { held, keyId, meter, keepAlive }
    const quota = meter === 'searches' ? tenant.limits.searchesPerMonth : tenant.limits.answersPerMonth
    if (quota === undefined && tenant.limits.dailyBudget === undefined) return this.#ticket(context)
    return this.#leased(context, tenant.limits, quota !== undefined)
  }

  /**
   * Before a model reads tokens that count against the quota of the month. Returns a promise only where they are limited.
   * @throws (rejects) as `begin`
   */
  beginTokens(
    { tenant, keyId }: Reader,
    amounts: Pick<TokenLeaseRequest, 'tokens' | 'spend'>,
    keepAlive: KeepAlive,
  ): TokenTicket | Promise<TokenTicket> {
    const { uid, limits } = tenant
    const context = { held: this.#heldOf(uid), keyId, keepAlive }
    if (limits.embeddingTokensPerMonth === undefined && limits.dailyBudget === undefined) {
      return this.#tokenTicket(context)
    }
    return this.#leasedTokens(context, { tenantUid: uid, ...amounts, limits })
  }

  /** What a model has read and no quota limits. */
  noteTokens({ tenant, keyId }: Reader, read: ModelRead, keepAlive: KeepAlive): void {
    this.#tokenTicket({ held: this.#heldOf(tenant.uid), keyId, keepAlive }).count(read)
  }

  async #leasedTokens(context: TokenContext, request: TokenLeaseRequest): Promise<TokenTicket> {
    const { objectOf, clock, report } = this.#dependencies
    const { held, keepAlive } = context
    const leased = await leaveForTokens(
      {
        clock,
        timer: this.#timer,
        ...(report === undefined ? {} : { report }),
        lease: async () => (await objectOf(held.uid)).leaseTokens(request),
        opened: (lease) => held.leases.add(lease),
      },
      keepAlive,
    )
    if (leased instanceof OpenLease) return this.#tokenTicket(context, leased)
    throw quotaProblem(leased.meter, leased.retryAfterSeconds)
  }

  #tokenTicket(context: TokenContext, lease?: OpenLease): TokenTicket {
    const { held, keyId } = context
    // It counts in the window that it was admitted in, however long the model takes.
    const day = dayOf(this.#dependencies.clock())
    return {
      count: (read) => {
        this.#countsOf(held, lease).addModel({ ...read, keyId, day })
        lease?.use()
        held.unreported++
        this.#carry(context)
      },
      release: () => {
        lease?.giveBack()
        this.#carry(context)
      },
    }
  }

  async #leased(context: ReadContext, limits: TenantLimits, hasQuota: boolean): Promise<ReadTicket> {
    const { held, meter, keepAlive } = context
    const leased = await this.#laneOf(held, meter, false).take(limits, keepAlive)
    if (leased instanceof OpenLease) return this.#ticket(context, leased)
    if (meter !== 'searches' || leased.whenSpent !== 'keyword') throw problemOf(leased)
    if (!hasQuota) return this.#ticket(context, undefined, leased)
    const ofQuota = await this.#laneOf(held, meter, true).take(limits, keepAlive)
    if (ofQuota instanceof OpenLease) return this.#ticket(context, ofQuota, leased)
    throw problemOf(ofQuota)
  }

  /** Tells what this isolate has counted of a tenant; what cannot be told now is told later. */
  async tellNow(uid: TenantUid): Promise<void> {
    const held = this.#tenants.get(uid)
    if (held !== undefined) await this.#report(held)
  }

  #heldOf(uid: TenantUid): TenantReads {
    const known = this.#tenants.get(uid)
    if (known !== undefined) return known
    const made: TenantReads = {
      uid,
      free: new ReadCounts(),
      leases: new Set(),
      lanes: new Map(),
      open: new Set(),
      unreported: 0,
      carriedSinceMs: -Infinity,
    }
    this.#tenants.set(uid, made)
    return made
  }

  /** Searches by keyword go on beyond the budget, but not beyond the quota. */
  #laneOf(held: TenantReads, meter: ReadMeterName, beyondBudget: boolean): ReadLane {
    const name = `${meter}/${beyondBudget}`
    const known = held.lanes.get(name)
    if (known !== undefined) return known
    const { objectOf, clock, report } = this.#dependencies
    const made = new ReadLane({
      clock,
      timer: this.#timer,
      ...(report === undefined ? {} : { report }),
      lease: async (want, limits) => {
        const object = await objectOf(held.uid)
        return object.leaseReads({ tenantUid: held.uid, meter, want, limits, beyondBudget })
      },
      opened: (lease) => held.leases.add(lease),
    })
    held.lanes.set(name, made)
    return made
  }

  #ticket(context: ReadContext, lease?: OpenLease, keywordOnly?: ReadRefusal): ReadTicket {
    const { held, keyId, meter } = context
    return {
      ...(keywordOnly === undefined ? {} : { keywordOnly: problemOf(keywordOnly) }),
      count: (collectionId) => {
        const counts = this.#countsOf(held, lease)
        counts.add(collectionId, keyId, dayOf(this.#dependencies.clock()), meter)
        lease?.use()
        held.unreported++
        this.#carry(context)
      },
      release: () => {
        lease?.giveBack()
        this.#carry(context)
      },
    }
  }

  /** Where to count what was done under a lease: one that was lost meanwhile is told of no more. */
  #countsOf(held: TenantReads, lease: OpenLease | undefined): ReadCounts {
    return lease !== undefined && held.leases.has(lease) ? lease.counts : held.free
  }

  /** Sees to a report: soon where much was counted, and in any case within a second. */
  #carry({ held, keepAlive }: TokenContext): void {
    const nowMs = this.#dependencies.clock()
    if (held.unreported >= REPORT_READS) keepAlive(this.#report(held))
    if (nowMs - held.carriedSinceMs < LOST_CARRIER_MS) return
    held.carriedSinceMs = nowMs
    keepAlive(this.#reportLater(held))
  }

  async #reportLater(held: TenantReads): Promise<void> {
    for (let attempt = 0; attempt < REPORT_ATTEMPTS; attempt++) {
      await new Promise<void>((resolve) => this.#timer(REPORT_MS, resolve))
      if (await this.#report(held)) break
    }
    held.carriedSinceMs = -Infinity
  }

  /** Tells what was counted and ends leases under which nothing is going on. Never throws; false: to be tried again. */
  async #report(held: TenantReads): Promise<boolean> {
    held.unreported = 0
    const nowMs = this.#dependencies.clock()
    for (const lost of [...held.open].filter(({ triedMs }) => nowMs - triedMs >= LOST_CARRIER_MS)) {
      if (!(await this.#tell(held, lost))) return false
    }
    const ended = [...held.leases].filter((lease) => lease.end(nowMs))
    for (const lease of ended) held.leases.delete(lease)
    const told = [held.free, ...ended.map(({ counts }) => counts)]
    const reads = told.flatMap((counts) => counts.takeAll())
    const models = told.flatMap((counts) => counts.takeModels())
    if (reads.length + models.length + ended.length === 0) return true
    const report = { id: randomBase62(16), reads, models, leaseIds: ended.map(({ id }) => id), triedMs: nowMs }
    held.open.add(report)
    return this.#tell(held, report)
  }

  async #tell(held: TenantReads, report: OpenReport): Promise<boolean> {
    const { triedMs: _, ...told } = report
    report.triedMs = this.#dependencies.clock()
    try {
      await (await this.#dependencies.objectOf(held.uid)).recordReads(held.uid, told)
      held.open.delete(report)
      return true
    } catch (error) {
      // The tenant was erased meanwhile: nobody is left to tell.
      if (asProblem(error)?.code === 'not_found') {
        this.#tenants.delete(held.uid)
        return true
      }
      this.#dependencies.report?.(error)
      report.triedMs = -Infinity
      return false
    }
  }
}

interface TokenContext {
  readonly held: TenantReads
  readonly keyId: string
  readonly keepAlive: KeepAlive
}

interface ReadContext extends TokenContext {
  readonly meter: ReadMeterName
}

const problemOf = ({ meter, retryAfterSeconds }: ReadRefusal): Problem => quotaProblem(meter, retryAfterSeconds)
