/**
 * What the operator's object remembers of erased tenants: when, and how much was removed from where, summed over every run
 * that it took. From it receipts are made, also for an erasure that went on after its request had been answered.
 */
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'

/** What one run removed, or all of them together. */
export interface ErasedCounts {
  /** Durable Objects emptied. */
  readonly shards: number
  /** Rows of D1. */
  readonly keys: number
  readonly collections: number
  readonly jobs: number
  readonly documents: number
  readonly usage: number
  readonly models: number
  /** Objects of the bucket of originals. */
  readonly originals: number
}

export interface ErasureRecord extends ErasedCounts {
  /** Public id. */
  readonly tenantId: string
  readonly startedAtMs: number
  /** Absent while something is left. */
  readonly finishedAtMs?: number
}

interface Row extends ErasedCounts {
  readonly tenant_id: string
  readonly started_ms: number
  readonly finished_ms: number | null
}

const COLUMNS = 'shards, keys, collections, jobs, documents, usage, originals, models'
export const NOTHING_ERASED: ErasedCounts = {
  shards: 0,
  keys: 0,
  collections: 0,
  jobs: 0,
  documents: 0,
  usage: 0,
  originals: 0,
  models: 0,
}

export class ErasureRecords {
  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/6 erasures',
      statements: [
        `CREATE TABLE erasures (
          tenant_id TEXT PRIMARY KEY, started_ms INTEGER NOT NULL, finished_ms INTEGER, shards INTEGER NOT NULL,
          keys INTEGER NOT NULL, collections INTEGER NOT NULL, jobs INTEGER NOT NULL, documents INTEGER NOT NULL,
          usage INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID`,
      ],
    },
  ]

  /** Behind all that came before it in the object's history. */
  static readonly laterMigrations: readonly SqlMigration[] = [
    {
      id: 'tenancy/10 erased originals',
      statements: ['ALTER TABLE erasures ADD COLUMN originals INTEGER NOT NULL DEFAULT 0'],
    },
    {
      id: 'tenancy/11 erased models',
      statements: ['ALTER TABLE erasures ADD COLUMN models INTEGER NOT NULL DEFAULT 0'],
    },
  ]

  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  /** Adds what a run removed; the first end stays. */
  add(tenantId: string, counts: ErasedCounts, isFinished: boolean, nowMs: number): ErasureRecord {
    return this.#database.transaction(() => {
      const { shards, keys, collections, jobs, documents, usage, originals, models } = counts
      this.#database.run(
        `INSERT INTO erasures (tenant_id, started_ms, finished_ms, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (tenant_id) DO UPDATE SET finished_ms = coalesce(finished_ms, excluded.finished_ms),
           shards = shards + excluded.shards, keys = keys + excluded.keys,
           collections = collections + excluded.collections, jobs = jobs + excluded.jobs,
           documents = documents + excluded.documents, usage = usage + excluded.usage,
           originals = originals + excluded.originals, models = models + excluded.models`,
        tenantId,
        nowMs,
        isFinished ? nowMs : null,
        shards,
        keys,
        collections,
        jobs,
        documents,
        usage,
        originals,
        models,
      )
      return this.find(tenantId) as ErasureRecord
    })
  }

  find(tenantId: string): ErasureRecord | undefined {
    const row = this.#database.get<Row>(
      `SELECT tenant_id, started_ms, finished_ms, ${COLUMNS} FROM erasures WHERE tenant_id = ?`,
      tenantId,
    )
    if (row === undefined) return undefined
    const { tenant_id: id, started_ms: startedAtMs, finished_ms: finishedAtMs, ...counts } = row
    return { tenantId: id, startedAtMs, ...(finishedAtMs === null ? {} : { finishedAtMs }), ...counts }
  }
}
