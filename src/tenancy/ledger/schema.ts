/**
 * The ledger's tables in the tenant's object. Times are milliseconds since the Unix epoch, money is nano-dollars. Rows are
 * few: one for each shard, one for each day, collection, key and model, one for each open reservation or lease.
 */
import type { SqlMigration } from '../../core/sql-database.ts'

/** What staged work may hold and reservations may be of. */
export const WRITE_METERS = ['documents', 'chunks', 'storedBytes', 'embeddingTokens', 'spend'] as const
export type WriteMeter = (typeof WRITE_METERS)[number]

/** The columns' names of those meters, in their order. */
export const METER_COLUMNS: Readonly<Record<WriteMeter, string>> = {
  documents: 'documents',
  chunks: 'chunks',
  storedBytes: 'stored_bytes',
  embeddingTokens: 'embedding_tokens',
  spend: 'spend',
}

export const LEDGER_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'tenancy/3 ledger',
    statements: [
      `CREATE TABLE ledger_shards (
        collection_id TEXT NOT NULL, placement_epoch INTEGER NOT NULL, shard INTEGER NOT NULL,
        position INTEGER NOT NULL, reported_ms INTEGER NOT NULL,
        documents INTEGER NOT NULL, chunks INTEGER NOT NULL, stored_bytes INTEGER NOT NULL,
        held_documents INTEGER NOT NULL, held_chunks INTEGER NOT NULL, held_stored_bytes INTEGER NOT NULL,
        held_embedding_tokens INTEGER NOT NULL, held_spend INTEGER NOT NULL,
        PRIMARY KEY (collection_id, placement_epoch, shard)
      ) STRICT, WITHOUT ROWID`,
      // `deleted_ms`: known to be gone. Until then the row only says when to ask.
      `CREATE TABLE ledger_deletions (
        collection_id TEXT PRIMARY KEY, ask_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, deleted_ms INTEGER
      ) STRICT, WITHOUT ROWID`,
      // `shards`: JSON of the places that its commits may be in; once settled, of the places that the ledger must reach.
      `CREATE TABLE ledger_reservations (
        id TEXT PRIMARY KEY, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, resolve_ms INTEGER NOT NULL,
        settled INTEGER NOT NULL, shards TEXT NOT NULL,
        documents INTEGER NOT NULL, chunks INTEGER NOT NULL, stored_bytes INTEGER NOT NULL,
        embedding_tokens INTEGER NOT NULL, spend INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE ledger_leases (
        id TEXT PRIMARY KEY, meter TEXT NOT NULL, reads INTEGER NOT NULL, created_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE ledger_usage (
        day TEXT NOT NULL, collection_id TEXT NOT NULL, key_id TEXT NOT NULL,
        searches INTEGER NOT NULL, answers INTEGER NOT NULL,
        documents_written INTEGER NOT NULL, documents_deleted INTEGER NOT NULL,
        chunks_written INTEGER NOT NULL, bytes_written INTEGER NOT NULL, embedding_tokens INTEGER NOT NULL,
        revision INTEGER NOT NULL, rolled_up INTEGER NOT NULL,
        PRIMARY KEY (day, collection_id, key_id)
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX ledger_usage_to_roll_up ON ledger_usage (day) WHERE revision > rolled_up`,
      `CREATE TABLE ledger_stored_daily (
        day TEXT NOT NULL, collection_id TEXT NOT NULL,
        documents INTEGER NOT NULL, chunks INTEGER NOT NULL, bytes INTEGER NOT NULL,
        revision INTEGER NOT NULL, rolled_up INTEGER NOT NULL,
        PRIMARY KEY (day, collection_id)
      ) STRICT, WITHOUT ROWID`,
      `CREATE INDEX ledger_stored_daily_to_roll_up ON ledger_stored_daily (day) WHERE revision > rolled_up`,
      `CREATE TABLE ledger_counters (
        meter TEXT NOT NULL, period TEXT NOT NULL, amount INTEGER NOT NULL, PRIMARY KEY (meter, period)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE ledger_warnings (
        meter TEXT NOT NULL, percent INTEGER NOT NULL, period TEXT NOT NULL, PRIMARY KEY (meter, percent)
      ) STRICT, WITHOUT ROWID`,
      // One row: whose ledger it is, the limits as last told, when it was last rolled up.
      `CREATE TABLE ledger_state (
        one INTEGER PRIMARY KEY CHECK (one = 1), tenant_uid TEXT, limits TEXT NOT NULL, rolled_up_ms INTEGER NOT NULL
      ) STRICT`,
      `INSERT INTO ledger_state (one, limits, rolled_up_ms) VALUES (1, '{}', 0)`,
    ],
  },
  {
    id: 'tenancy/9 reports of reads',
    statements: [
      `CREATE TABLE ledger_read_reports (id TEXT PRIMARY KEY, taken_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
      `CREATE INDEX ledger_read_reports_by_time ON ledger_read_reports (taken_ms)`,
    ],
  },
]

/** Came after steps of other parts, so it is applied after them. */
export const LATER_LEDGER_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'tenancy/12 models',
    statements: [
      // What stands in no collection has the empty name.
      `CREATE TABLE ledger_models (
        day TEXT NOT NULL, collection_id TEXT NOT NULL, key_id TEXT NOT NULL, model TEXT NOT NULL,
        requests INTEGER NOT NULL, tokens INTEGER NOT NULL, cost INTEGER NOT NULL,
        PRIMARY KEY (day, collection_id, key_id, model)
      ) STRICT, WITHOUT ROWID`,
      'ALTER TABLE ledger_usage ADD COLUMN token_cost INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE ledger_leases ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE ledger_leases ADD COLUMN spend INTEGER NOT NULL DEFAULT 0',
      // Until now there was one model that embeds, and one price of 12 nano-dollars, which the counters have counted.
      'UPDATE ledger_usage SET token_cost = embedding_tokens * 12',
      `INSERT INTO ledger_models (day, collection_id, key_id, model, requests, tokens, cost)
       SELECT day, collection_id, key_id, 'edge-en', documents_written, embedding_tokens, token_cost
       FROM ledger_usage WHERE embedding_tokens > 0`,
    ],
  },
]
