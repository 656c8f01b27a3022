/**
 * The shard's own tables, as an append-only history. The indexes' tables come from their rooms; `migrations.ts` puts all
 * histories together. Documented table by table in docs/storage.md. Times are milliseconds since the Unix epoch.
 */
import type { SqlMigration } from '../core/sql-database.ts'

export const SHARD_MIGRATIONS: readonly SqlMigration[] = [
  {
    id: 'shard/1 documents and chunks',
    statements: [
      `CREATE TABLE setup (one INTEGER PRIMARY KEY CHECK (one = 1), setup TEXT NOT NULL) STRICT`,
      // Keyed by the caller's id alone, which saves an index; a document's number is looked up in resident memory.
      // The long columns stand last: a row read without them never touches their overflow pages.
      `CREATE TABLE documents (
        id TEXT PRIMARY KEY,
        document INTEGER NOT NULL,
        version INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        position INTEGER NOT NULL,
        content_hash TEXT NOT NULL,
        language TEXT NOT NULL,
        declared_language TEXT,
        format TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        first_chunk INTEGER NOT NULL,
        chunk_count INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        title TEXT,
        url TEXT,
        metadata TEXT NOT NULL,
        outline TEXT,
        text TEXT
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE document_pieces (
        document INTEGER NOT NULL,
        part TEXT NOT NULL,
        start INTEGER NOT NULL,
        units INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (document, part, start)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE chunks (
        chunk INTEGER PRIMARY KEY,
        document INTEGER NOT NULL,
        ordinal INTEGER NOT NULL,
        start_offset INTEGER NOT NULL,
        end_offset INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        truncated INTEGER NOT NULL,
        language TEXT NOT NULL,
        vector_key TEXT,
        build INTEGER NOT NULL,
        prefix TEXT NOT NULL,
        headings TEXT NOT NULL
      ) STRICT`,
    ],
  },
  {
    id: 'shard/2 order, pending work and change log',
    statements: [
      `CREATE TABLE tombstones (
        id TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        deleted_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE pending (
        sequence INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        version INTEGER NOT NULL,
        job TEXT NOT NULL,
        key_id TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        not_before INTEGER NOT NULL,
        accepted_at INTEGER NOT NULL,
        filter TEXT,
        metadata TEXT NOT NULL
      ) STRICT`,
      `CREATE INDEX pending_by_document ON pending (id)`,
      `CREATE TABLE pending_pieces (
        sequence INTEGER NOT NULL,
        piece INTEGER NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (sequence, piece)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE pending_vectors (
        sequence INTEGER NOT NULL,
        batch INTEGER NOT NULL,
        vectors BLOB NOT NULL,
        PRIMARY KEY (sequence, batch)
      ) STRICT, WITHOUT ROWID`,
      `CREATE TABLE change_log (
        seq INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        sequence INTEGER,
        id TEXT,
        version INTEGER,
        bytes INTEGER NOT NULL,
        chunks INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        job TEXT,
        at INTEGER NOT NULL,
        next_sequence INTEGER NOT NULL,
        next_chunk INTEGER NOT NULL
      ) STRICT`,
      `CREATE TABLE readers (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
      `CREATE TABLE job_items (
        job TEXT NOT NULL,
        id TEXT NOT NULL,
        status TEXT NOT NULL,
        code TEXT,
        at INTEGER NOT NULL,
        PRIMARY KEY (job, id)
      ) STRICT, WITHOUT ROWID`,
    ],
  },
  {
    id: 'shard/3 access lists',
    statements: [
      // Behind the long columns, yet a row without one is read without them: its header says NULL.
      'ALTER TABLE documents ADD COLUMN acl TEXT',
      'ALTER TABLE pending ADD COLUMN acl TEXT',
      'ALTER TABLE pending ADD COLUMN may_write_acl INTEGER NOT NULL DEFAULT 1',
    ],
  },
  {
    id: 'shard/4 metering',
    statements: [
      'ALTER TABLE change_log ADD COLUMN documents INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE change_log ADD COLUMN embedding_tokens INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE change_log ADD COLUMN held TEXT',
      'ALTER TABLE change_log ADD COLUMN code TEXT',
      'ALTER TABLE change_log ADD COLUMN reservation TEXT',
      'ALTER TABLE change_log ADD COLUMN chunks_written INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE change_log ADD COLUMN bytes_written INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE change_log ADD COLUMN batch INTEGER',
      'ALTER TABLE pending ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE pending ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE pending ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0',
      'ALTER TABLE pending ADD COLUMN held TEXT',
      // Earlier entries did not count documents and many are pruned: one entry makes the log's sums what is stored.
      `INSERT INTO change_log (seq, kind, documents, bytes, chunks, tokens, key_id, at, next_sequence, next_chunk)
       SELECT last.seq + 1, 'replaced', stored.documents, stored.bytes - logged.bytes, stored.chunks - logged.chunks,
         stored.tokens - logged.tokens, '', last.at, last.next_sequence, last.next_chunk
       FROM change_log AS last,
         (SELECT sum(bytes) AS bytes, sum(chunks) AS chunks, sum(tokens) AS tokens FROM change_log) AS logged,
         (SELECT count(*) AS documents, coalesce(sum(bytes), 0) AS bytes, coalesce(sum(chunk_count), 0) AS chunks,
            coalesce(sum(tokens), 0) AS tokens FROM documents) AS stored
       WHERE last.seq = (SELECT max(seq) FROM change_log)`,
    ],
  },
  {
    id: 'shard/5 locations',
    statements: ['ALTER TABLE chunks ADD COLUMN location TEXT'],
  },
]
