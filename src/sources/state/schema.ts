/** The tables of sources in a tenant's files object. They hold addresses, keys and digests, no content. */
import type { SqlMigration } from '../../core/sql-database.ts'

export const SOURCE_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'sources/1 sources',
    statements: [
      `CREATE TABLE sources (
        id TEXT PRIMARY KEY, tenant_uid TEXT NOT NULL, collection_id TEXT NOT NULL, beginning TEXT NOT NULL,
        settings TEXT NOT NULL, schedule TEXT, key_id TEXT NOT NULL, next_ms INTEGER, runs INTEGER NOT NULL,
        last_run TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE UNIQUE INDEX sources_by_beginning ON sources (collection_id, beginning)`,
      `CREATE TABLE source_runs (
        source_id TEXT PRIMARY KEY, number INTEGER NOT NULL, job_id TEXT NOT NULL, phase TEXT NOT NULL,
        place TEXT NOT NULL, next_ms INTEGER NOT NULL, visited INTEGER NOT NULL, taken INTEGER NOT NULL,
        unchanged INTEGER NOT NULL, failed INTEGER NOT NULL, removed INTEGER NOT NULL, gap TEXT,
        started_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE source_files (
        source_id TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, etag TEXT, modified TEXT,
        sha256 TEXT NOT NULL, links TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (source_id, name)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE source_frontier (
        source_id TEXT NOT NULL, number INTEGER NOT NULL, address TEXT NOT NULL, kind TEXT NOT NULL,
        depth INTEGER NOT NULL, hops INTEGER NOT NULL, root INTEGER NOT NULL, attempts INTEGER NOT NULL,
        next_ms INTEGER, outcome TEXT, PRIMARY KEY (source_id, number)
      ) STRICT, WITHOUT ROWID`,
      `CREATE UNIQUE INDEX source_frontier_by_address ON source_frontier (source_id, address)`,
      `CREATE INDEX source_frontier_waiting ON source_frontier (source_id, next_ms, number) WHERE next_ms IS NOT NULL`,
      `CREATE TABLE source_hosts (
        origin TEXT PRIMARY KEY, robots TEXT, robots_until_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,
        delay_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
    ],
  },
]
