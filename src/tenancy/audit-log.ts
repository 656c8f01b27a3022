/**
 * The audit log of one tenant, or of the operator: a chain of lines that is only ever appended to, and never pruned. It
 * holds ids and digests, no text that a caller wrote. Over the storage port; time comes from the caller.
 *
 *   begin ──> begun ── end ──> a line: done, refused or failed
 *               └─ 60 s ──> a line: unknown ── end, within an hour ──> a second line that tells
 *
 * A hash is made asynchronously, so appends wait for one another; a line and its hash are one row of one transaction.
 */
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type {
  AuditEnd,
  AuditEntry,
  AuditHead,
  AuditPage,
  AuditPageRequest,
  AuditVerdict,
  Refusal,
} from './audit-line.ts'
import { REFUSED, REFUSED_COUNT } from './audit-line.ts'
import { BEGINNING, follow } from './audit/chain.ts'
import { Lines } from './audit/lines.ts'
import { SignedHeads } from './audit/signed-heads.ts'
import type { Signer } from './signing.ts'
import type { TenantPart } from './tenant-part.ts'

/** A request that has not told its end by then may have died. */
const UNKNOWN_AFTER_MS = 60_000
/** For so long after that a late end is still taken. */
const FORGOTTEN_AFTER_MS = 3_600_000
const MINUTE_MS = 60_000
/** Lines that one run of the alarm appends, and that verification reads at once. */
const RUN_BATCH = 100
const VERIFY_SLICE = 500

export interface AuditLogOptions {
  readonly signer: Signer
  /** Names the chain in its signed heads; 64 hex digits that tell nothing of the tenant. */
  readonly chain: string
  /** Gives other calls their turn. */
  readonly pause?: () => Promise<void>
}

interface BegunRow {
  request_id: string
  entry: string
  told: number
}

interface RefusalRow {
  minute: number
  actor_kind: Refusal['actor']['kind']
  key_id: string
  code: Refusal['code']
  reason: string
  count: number
}

export class AuditLog implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = [Lines.migration]

  readonly #database: SqlDatabase
  readonly #lines: Lines
  readonly #heads: SignedHeads
  readonly #chain: string
  readonly #pause: () => Promise<void>
  #last: Promise<unknown> = Promise.resolve()

  constructor(database: SqlDatabase, { signer, chain, pause = turn }: AuditLogOptions) {
    this.#database = database
    this.#lines = new Lines(database)
    this.#heads = new SignedHeads(database, this.#lines, { signer, chain })
    this.#chain = chain
    this.#pause = pause
  }

  /** Remembers an action before it is done; answers the head of the chain. */
  begin(entry: AuditEntry, nowMs: number): AuditHead {
    this.#database.run(
      'INSERT OR REPLACE INTO audit_begun (request_id, entry, due_ms, told) VALUES (?, ?, ?, 0)',
      entry.requestId,
      JSON.stringify(entry),
      nowMs + UNKNOWN_AFTER_MS,
    )
    const { sequence, hash } = this.#lines.head()
    return { sequence, hash }
  }

  /** Writes the line of an action that was begun; `false` where none was, or its end was told before. */
  async end(requestId: string, end: AuditEnd, nowMs: number): Promise<boolean> {
    return this.#exclusively(async () => {
      const row = this.#database.get<BegunRow>(
        'SELECT request_id, entry, told FROM audit_begun WHERE request_id = ?',
        requestId,
      )
      if (row === undefined) return false
      await this.#lines.append({ ...(JSON.parse(row.entry) as AuditEntry), ...end }, nowMs, () =>
        this.#forget(requestId),
      )
      return true
    })
  }

  /** One line for each key, code, reason and minute; when the minute is over a second one tells how many they were. */
  async refused({ actor, code, reason = '', requestId, count }: Refusal, nowMs: number): Promise<void> {
    return this.#exclusively(async () => {
      const minute = Math.floor(nowMs / MINUTE_MS)
      const which = [minute, actor.kind, actor.keyId, code, reason]
      const known = this.#database.get(
        'SELECT count FROM audit_refusals WHERE minute = ? AND actor_kind = ? AND key_id = ? AND code = ? AND reason = ?',
        ...which,
      )
      const add = (): void =>
        this.#database.run(
          `INSERT INTO audit_refusals (minute, actor_kind, key_id, code, reason, count) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET count = count + excluded.count`,
          ...which,
          count,
        )
      if (known !== undefined) return add()
      const place = { ...(reason === '' ? {} : { reason }), ...(requestId === undefined ? {} : { requestId }) }
      await this.#lines.append({ actor, action: REFUSED, outcome: 'refused', code, ...place }, nowMs, add)
    })
  }

  list(request: AuditPageRequest): AuditPage {
    return this.#lines.page(request)
  }

  /** Hashes every line anew, and holds the signed heads against them. Lines that are written meanwhile are judged, too. */
  async verify(): Promise<AuditVerdict> {
    let firstBroken = await this.#firstBroken()
    let [count, valid, after] = [0, 0, 0]
    for (;;) {
      const slice = this.#heads.after(after, VERIFY_SLICE)
      if (slice.length === 0) break
      for (const head of slice) {
        const { genuine, fits } = await this.#heads.judge(head)
        if (genuine && !fits) firstBroken = Math.min(firstBroken ?? Infinity, head.sequence)
        count++
        valid += Number(fits)
        after = head.sequence
      }
      await this.#pause()
    }
    const { sequence, hash } = this.#lines.head()
    const latest = this.#heads.latest()?.jws
    return {
      valid: firstBroken === undefined && valid === count,
      chain: this.#chain,
      entries: this.#lines.count(),
      head: { sequence, hash },
      ...(firstBroken === undefined ? {} : { firstBroken }),
      signedHeads: { count, valid, ...(latest === undefined ? {} : { latest }) },
    }
  }

  nextDueMs(): number | undefined {
    const rows = this.#database.all<{ due: number | null }>(
      `SELECT MIN(due_ms) AS due FROM audit_begun UNION ALL SELECT (MIN(minute) + 1) * ${MINUTE_MS} FROM audit_refusals`,
    )
    const due = [...rows.map((row) => row.due), this.#heads.nextDueMs()].filter((timeMs) => typeof timeMs === 'number')
    return due.length === 0 ? undefined : Math.min(...due)
  }

  async run(nowMs: number): Promise<void> {
    return this.#exclusively(async () => {
      await this.#tellUnknown(nowMs)
      await this.#tellCounts(nowMs)
      if ((this.#heads.nextDueMs() ?? Infinity) <= nowMs) await this.#heads.sign(nowMs)
    })
  }

  async #tellUnknown(nowMs: number): Promise<void> {
    const rows = this.#database.all<BegunRow>(
      'SELECT request_id, entry, told FROM audit_begun WHERE due_ms <= ? ORDER BY due_ms LIMIT ?',
      nowMs,
      RUN_BATCH,
    )
    for (const { request_id, entry, told } of rows) {
      if (told === 1) this.#forget(request_id)
      else {
        await this.#lines.append({ ...(JSON.parse(entry) as AuditEntry), outcome: 'unknown' }, nowMs, () =>
          this.#database.run(
            'UPDATE audit_begun SET told = 1, due_ms = ? WHERE request_id = ?',
            nowMs + FORGOTTEN_AFTER_MS,
            request_id,
          ),
        )
      }
    }
  }

  async #tellCounts(nowMs: number): Promise<void> {
    const rows = this.#database.all<RefusalRow>(
      'SELECT minute, actor_kind, key_id, code, reason, count FROM audit_refusals WHERE minute < ? ORDER BY minute LIMIT ?',
      Math.floor(nowMs / MINUTE_MS),
      RUN_BATCH,
    )
    for (const { minute, actor_kind, key_id, code, reason, count } of rows) {
      const remove = (): void =>
        this.#database.run(
          'DELETE FROM audit_refusals WHERE minute = ? AND actor_kind = ? AND key_id = ? AND code = ? AND reason = ?',
          minute,
          actor_kind,
          key_id,
          code,
          reason,
        )
      // The line of the first stands for one.
      if (count === 1) remove()
      else {
        const actor = { kind: actor_kind, keyId: key_id }
        const why = reason === '' ? {} : { reason }
        await this.#lines.append(
          { actor, action: REFUSED_COUNT, outcome: 'refused', code, ...why, count },
          nowMs,
          remove,
        )
      }
    }
  }

  async #firstBroken(): Promise<number | undefined> {
    let head: AuditHead = BEGINNING
    for (;;) {
      const slice = this.#lines.after(head.sequence, VERIFY_SLICE)
      if (slice.length === 0) {
        const { sequence, hash } = this.#lines.head()
        if (sequence === head.sequence && hash === head.hash) return undefined
        return Math.min(sequence, head.sequence) + 1
      }
      const followed = await follow(slice, head)
      if ('broken' in followed) return followed.broken
      head = followed.head
      await this.#pause()
    }
  }

  #forget(requestId: string): void {
    this.#database.run('DELETE FROM audit_begun WHERE request_id = ?', requestId)
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}

/** A timer and not a promise: what is settled already gives nobody a turn. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))
