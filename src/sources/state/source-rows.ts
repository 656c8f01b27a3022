/** Sources and their runs as rows. A source has at most one run at a time. */
import { invariant } from '../../core/invariant.ts'
import type { CollectionId, JobId, TenantUid } from '../../core/ids.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { IntakeWriter } from '../file-intake.ts'
import { nextRunMs } from '../schedule.ts'
import type { EndedRun, NewSource, RunCounts, RunGap, SourceRecord, SourceSettings } from '../source.ts'

interface SourceRow {
  readonly id: string
  readonly tenant_uid: TenantUid
  readonly collection_id: CollectionId
  readonly beginning: string
  readonly settings: string
  readonly schedule: string | null
  readonly key_id: string
  readonly next_ms: number | null
  readonly runs: number
  readonly last_run: string | null
  readonly created_ms: number
  readonly updated_ms: number
}

/** `starting`: the job is not known yet. `listing`: of a bucket. `ending`: what vanished is removed. */
export type RunPhase = 'starting' | 'listing' | 'fetching' | 'ending'

interface RunRow {
  readonly source_id: string
  readonly number: number
  readonly job_id: JobId
  readonly phase: RunPhase
  readonly place: string
  readonly next_ms: number
  readonly visited: number
  readonly taken: number
  readonly unchanged: number
  readonly failed: number
  readonly removed: number
  readonly gap: RunGap | null
  readonly started_ms: number
}

/** A run with what it needs of its source. */
export interface Run extends RunCounts {
  readonly sourceId: string
  readonly tenantUid: TenantUid
  readonly collectionId: CollectionId
  readonly settings: SourceSettings
  readonly writer: IntakeWriter
  /** Rises by one with each run of the source. */
  readonly number: number
  readonly jobId: JobId
  readonly phase: RunPhase
  /** How far a listing has come. */
  readonly place: string
  /** Pages that were asked for and answered, whatever they answered. */
  readonly visited: number
  readonly gap?: RunGap
  readonly startedAtMs: number
}

const COUNTERS = ['visited', 'taken', 'unchanged', 'failed', 'removed'] as const
export type Counter = (typeof COUNTERS)[number]

const beginningOf = (settings: SourceSettings): string =>
  settings.kind === 'crawl' ? `${settings.from} ${settings.address}` : `bucket ${settings.root}${settings.prefix}`

export class SourceRows {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  count(): number {
    return this.#database.get<{ count: number }>('SELECT COUNT(*) AS count FROM sources')?.count ?? 0
  }

  /** The id of the source with the same beginning. */
  same({ collectionId, settings }: NewSource): string | undefined {
    return this.#database.get<{ id: string }>(
      'SELECT id FROM sources WHERE collection_id = ? AND beginning = ?',
      collectionId,
      beginningOf(settings),
    )?.id
  }

  /** Adds a source or replaces its settings. True where they are others than before. */
  save(id: string, { tenantUid, collectionId, keyId, settings, schedule }: NewSource, nowMs: number): boolean {
    const text = JSON.stringify(settings)
    const before = this.#row(id)
    this.#database.run(
      `INSERT INTO sources (id, tenant_uid, collection_id, beginning, settings, schedule, key_id, next_ms, runs,
         created_ms, updated_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)
       ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, schedule = excluded.schedule,
         key_id = excluded.key_id, next_ms = excluded.next_ms, updated_ms = excluded.updated_ms`,
      id,
      tenantUid,
      collectionId,
      beginningOf(settings),
      text,
      schedule ?? null,
      keyId,
      (schedule === undefined ? undefined : nextRunMs(schedule, nowMs)) ?? null,
      nowMs,
      nowMs,
    )
    return before !== undefined && before.settings !== text
  }

  find(collectionId: string, id: string): SourceRecord | undefined {
    const row = this.#row(id)
    return row?.collection_id === collectionId ? this.#record(row) : undefined
  }

  list(collectionId: string, after: string, limit: number): SourceRecord[] {
    return this.#database
      .all<SourceRow>(
        'SELECT * FROM sources WHERE collection_id = ? AND id > ? ORDER BY id LIMIT ?',
        collectionId,
        after,
        limit,
      )
      .map((row) => this.#record(row))
  }

  idsOf(collectionId: string): string[] {
    return this.#database
      .all<{ id: string }>('SELECT id FROM sources WHERE collection_id = ?', collectionId)
      .map(({ id }) => id)
  }

  /** Who writes for it, and where to. */
  ownerOf(id: string): { readonly collectionId: CollectionId; readonly writer: IntakeWriter } | undefined {
    const row = this.#row(id)
    return row && { collectionId: row.collection_id, writer: { keyId: row.key_id } }
  }

  remove(id: string): void {
    for (const table of ['source_files', 'source_frontier', 'source_runs']) {
      this.#database.run(`DELETE FROM ${table} WHERE source_id = ?`, id)
    }
    this.#database.run('DELETE FROM sources WHERE id = ?', id)
  }

  /** The job of the run that is under way, or of the one that now begins as `jobId`; a repeated call begins nothing. */
  start(id: string, jobId: JobId, nowMs: number): JobId {
    const running = this.#run(id)
    if (running !== undefined) return running.job_id
    const source = this.#row(id)
    invariant(source !== undefined, 'a source that starts exists')
    if (source.last_run !== null && (JSON.parse(source.last_run) as EndedRun).jobId === jobId) return jobId
    const next = source.schedule === null ? undefined : nextRunMs(source.schedule, nowMs)
    this.#database.run('UPDATE sources SET runs = runs + 1, next_ms = ? WHERE id = ?', next ?? null, id)
    this.#database.run(
      `INSERT INTO source_runs VALUES (?, ?, ?, 'starting', '', ?, 0, 0, 0, 0, 0, NULL, ?)`,
      id,
      source.runs + 1,
      jobId,
      nowMs,
      nowMs,
    )
    return jobId
  }

  /** Sources whose time has come and that do not run. */
  dueSources(nowMs: number): string[] {
    return this.#database
      .all<{ id: string }>(`SELECT s.id ${IDLE} AND s.next_ms <= ? ORDER BY s.next_ms`, nowMs)
      .map(({ id }) => id)
  }

  /** Lets sources of the inbox run by then, but each at most once in `pauseMs`. One that runs will run once more. */
  hastenBuckets(byMs: number, pauseMs: number): void {
    const soon = `MAX(?1, COALESCE(json_extract(last_run, '$.startedAtMs') + ?2, 0))`
    this.#database.run(
      `UPDATE sources SET next_ms = MIN(COALESCE(next_ms, ${soon}), ${soon}) WHERE beginning LIKE 'bucket %'`,
      byMs,
      pauseMs,
    )
  }

  nextDueMs(): number | undefined {
    const times = [
      this.#database.get<{ next: number | null }>(`SELECT MIN(s.next_ms) AS next ${IDLE}`)?.next,
      this.#database.get<{ next: number | null }>('SELECT MIN(next_ms) AS next FROM source_runs')?.next,
    ].filter((time) => typeof time === 'number')
    return times.length === 0 ? undefined : Math.min(...times)
  }

  /** The run that waits longest, of those that are due and not busy. */
  dueRun(nowMs: number, busy: ReadonlySet<string>): Run | undefined {
    const ids = this.#database.all<{ source_id: string }>(
      'SELECT source_id FROM source_runs WHERE next_ms <= ? ORDER BY next_ms LIMIT ?',
      nowMs,
      busy.size + 1,
    )
    const id = ids.find(({ source_id: sourceId }) => !busy.has(sourceId))?.source_id
    return id === undefined ? undefined : this.run(id)
  }

  run(id: string): Run | undefined {
    const run = this.#run(id)
    const source = this.#row(id)
    if (run === undefined || source === undefined) return undefined
    return {
      sourceId: id,
      tenantUid: source.tenant_uid,
      collectionId: source.collection_id,
      settings: JSON.parse(source.settings) as SourceSettings,
      writer: { keyId: source.key_id },
      number: run.number,
      jobId: run.job_id,
      phase: run.phase,
      place: run.place,
      visited: run.visited,
      ...countsOf(run),
      ...(run.gap === null ? {} : { gap: run.gap }),
      startedAtMs: run.started_ms,
    }
  }

  /** Whether the run still goes on: a source may be deleted while it waits for an answer. */
  isCurrent({ sourceId, number }: Run): boolean {
    return this.#run(sourceId)?.number === number
  }

  set(id: string, columns: { readonly phase?: RunPhase; readonly place?: string; readonly nextMs?: number }): void {
    const { phase = null, place = null, nextMs = null } = columns
    this.#database.run(
      `UPDATE source_runs SET phase = COALESCE(?, phase), place = COALESCE(?, place), next_ms = COALESCE(?, next_ms)
       WHERE source_id = ?`,
      phase,
      place,
      nextMs,
      id,
    )
  }

  add(id: string, counter: Counter, by = 1): void {
    this.#database.run(`UPDATE source_runs SET ${counter} = ${counter} + ? WHERE source_id = ?`, by, id)
  }

  /** The first reason stays. */
  setGap(id: string, gap: RunGap): void {
    this.#database.run('UPDATE source_runs SET gap = COALESCE(gap, ?) WHERE source_id = ?', gap, id)
  }

  /** The run is over. */
  end(id: string, nowMs: number): void {
    const run = this.run(id)
    invariant(run !== undefined, 'a run that ends is under way')
    const { jobId, startedAtMs, gap, taken, unchanged, failed, removed } = run
    const counts = { taken, unchanged, failed, removed }
    const ended: EndedRun = { jobId, startedAtMs, ...counts, endedAtMs: nowMs, ...(gap === undefined ? {} : { gap }) }
    this.#database.run('UPDATE sources SET last_run = ? WHERE id = ?', JSON.stringify(ended), id)
    this.#database.run('DELETE FROM source_runs WHERE source_id = ?', id)
    this.#database.run('DELETE FROM source_frontier WHERE source_id = ?', id)
  }

  #row(id: string): SourceRow | undefined {
    return this.#database.get<SourceRow>('SELECT * FROM sources WHERE id = ?', id)
  }

  #run(id: string): RunRow | undefined {
    return this.#database.get<RunRow>('SELECT * FROM source_runs WHERE source_id = ?', id)
  }

  #record(row: SourceRow): SourceRecord {
    const run = this.#run(row.id)
    return {
      id: row.id,
      settings: JSON.parse(row.settings) as SourceSettings,
      ...(row.schedule === null ? {} : { schedule: row.schedule }),
      ...(row.next_ms === null ? {} : { nextRunAtMs: row.next_ms }),
      ...(run === undefined ? {} : { run: { jobId: run.job_id, startedAtMs: run.started_ms, ...countsOf(run) } }),
      ...(row.last_run === null ? {} : { lastRun: JSON.parse(row.last_run) as EndedRun }),
      createdAtMs: row.created_ms,
      updatedAtMs: row.updated_ms,
    }
  }
}

const IDLE = `FROM sources s
  WHERE s.next_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM source_runs r WHERE r.source_id = s.id)`

const countsOf = ({ taken, unchanged, failed, removed }: RunRow): RunCounts => ({ taken, unchanged, failed, removed })
