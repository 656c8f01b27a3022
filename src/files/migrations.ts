/** The schema of a tenant's files object. */
import type { SqlMigration } from '../core/sql-database.ts'

export const FILES_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'files/1 uploads, jobs, files and their documents',
    statements: [
      `CREATE TABLE files_state (
        one INTEGER PRIMARY KEY CHECK (one = 1), tenant_uid TEXT NOT NULL, revision INTEGER NOT NULL,
        paused_until_ms INTEGER NOT NULL
      ) STRICT`,
      `CREATE TABLE uploads (
        id TEXT PRIMARY KEY, collection_id TEXT NOT NULL, job_id TEXT, lease_ms INTEGER NOT NULL, swept INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE upload_multiparts (
        upload_id TEXT NOT NULL, multipart_id TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (upload_id, multipart_id)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE file_jobs (
        id TEXT PRIMARY KEY, collection_id TEXT NOT NULL, kind TEXT NOT NULL, writer TEXT NOT NULL, options TEXT NOT NULL,
        is_open INTEGER NOT NULL, is_cancelled INTEGER NOT NULL, total INTEGER NOT NULL, succeeded INTEGER NOT NULL,
        failed INTEGER NOT NULL, cancelled INTEGER NOT NULL, next_number INTEGER NOT NULL, revision INTEGER NOT NULL,
        told_revision INTEGER NOT NULL, is_reopened INTEGER NOT NULL, due_ms INTEGER, failures INTEGER NOT NULL,
        created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX file_jobs_due ON file_jobs (due_ms) WHERE due_ms IS NOT NULL',
      'CREATE INDEX file_jobs_by_collection ON file_jobs (collection_id)',
      `CREATE TABLE files (
        id INTEGER PRIMARY KEY, job_id TEXT NOT NULL, number INTEGER NOT NULL, collection_id TEXT NOT NULL,
        name TEXT NOT NULL, parent INTEGER, entry TEXT, original_key TEXT, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL,
        format TEXT, url TEXT, status TEXT NOT NULL, code TEXT, detail TEXT, strikes INTEGER NOT NULL,
        failures INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, pass INTEGER NOT NULL, handled INTEGER NOT NULL,
        is_parsed INTEGER NOT NULL, parsed_by TEXT NOT NULL, document_id TEXT, pages INTEGER, documents INTEGER NOT NULL,
        waiting INTEGER NOT NULL, failed_documents INTEGER NOT NULL, repeated INTEGER NOT NULL, chunks INTEGER NOT NULL,
        waiting_chunks INTEGER NOT NULL, embedded_chunks INTEGER NOT NULL, ready_chunks INTEGER NOT NULL,
        reused_chunks INTEGER NOT NULL, tokens INTEGER NOT NULL, milliseconds INTEGER NOT NULL,
        open_children INTEGER NOT NULL, is_owner INTEGER NOT NULL, is_whole INTEGER NOT NULL, keep_until_ms INTEGER,
        fingerprint TEXT NOT NULL, revision INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL,
        UNIQUE (job_id, number)
      ) STRICT`,
      "CREATE INDEX files_unsettled ON files (status, id) WHERE status IN ('queued', 'parsing', 'embedding')",
      'CREATE INDEX files_by_name ON files (collection_id, name, id)',
      'CREATE INDEX files_by_revision ON files (job_id, revision)',
      'CREATE INDEX files_by_parent ON files (parent) WHERE parent IS NOT NULL',
      'CREATE INDEX files_kept ON files (keep_until_ms) WHERE keep_until_ms IS NOT NULL',
      `CREATE TABLE file_documents (
        file_id INTEGER NOT NULL, document_id TEXT NOT NULL, collection_id TEXT NOT NULL, status TEXT NOT NULL,
        pass INTEGER NOT NULL, ordinal INTEGER NOT NULL, version INTEGER NOT NULL, chunks INTEGER NOT NULL, PRIMARY KEY (file_id, document_id)
      ) STRICT, WITHOUT ROWID`,
      'CREATE INDEX file_documents_by_document ON file_documents (collection_id, document_id)',
      `CREATE TABLE file_removals (
        id INTEGER PRIMARY KEY, collection_id TEXT NOT NULL, name TEXT NOT NULL, key_id TEXT NOT NULL,
        before INTEGER NOT NULL, not_before_ms INTEGER NOT NULL
      ) STRICT`,
      'CREATE TABLE spent_originals (key TEXT PRIMARY KEY) STRICT, WITHOUT ROWID',
      `CREATE TABLE file_logs (
        collection_id TEXT NOT NULL, placement_epoch INTEGER NOT NULL, shard INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (collection_id, placement_epoch, shard)
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    id: 'files/2 held originals',
    statements: ['CREATE INDEX files_held ON files (bytes) WHERE original_key IS NOT NULL'],
  },
  {
    id: 'files/3 written chunks',
    statements: ['ALTER TABLE files ADD COLUMN written_chunks INTEGER NOT NULL DEFAULT 0'],
  },
  {
    id: 'files/4 cost of tokens',
    // In nano-dollars. Until now a token of every model cost 12.
    statements: [
      'ALTER TABLE files ADD COLUMN token_cost INTEGER NOT NULL DEFAULT 0',
      'UPDATE files SET token_cost = tokens * 12',
    ],
  },
]
