/**
 * Which documents a file makes, and how each fares. The counts of a file are kept in its own row and change with its
 * documents, in the same transaction.
 */
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { DocumentRow, DocumentStatus, FilePatch, FileRow } from './file-row.ts'

const SUCCEEDED: ReadonlySet<DocumentStatus> = new Set(['indexed', 'unchanged', 'superseded'])

type Counts = Pick<
  FileRow,
  'documents' | 'waiting' | 'failed_documents' | 'chunks' | 'waiting_chunks' | 'embedded_chunks'
>

const countsOf = ({ status, chunks }: Pick<DocumentRow, 'status' | 'chunks'>): Counts => ({
  documents: 1,
  waiting: status === 'waiting' ? 1 : 0,
  failed_documents: status === 'failed' ? 1 : 0,
  chunks,
  waiting_chunks: status === 'waiting' ? chunks : 0,
  embedded_chunks: SUCCEEDED.has(status) ? chunks : 0,
})

const NONE: Counts = {
  documents: 0,
  waiting: 0,
  failed_documents: 0,
  chunks: 0,
  waiting_chunks: 0,
  embedded_chunks: 0,
}

export interface DocumentChange {
  readonly status?: DocumentStatus
  readonly chunks?: number
  readonly version?: number
}

/** Sums up what changes of documents do to their file. */
export class CountSum {
  readonly #sum: Record<keyof Counts, number> = { ...NONE }

  add(before: Counts, after: Counts): void {
    for (const name of Object.keys(NONE) as (keyof Counts)[]) this.#sum[name] += after[name] - before[name]
  }

  appliedTo(file: FileRow): FilePatch {
    const entries = (Object.keys(NONE) as (keyof Counts)[]).map((name) => [name, file[name] + this.#sum[name]] as const)
    return Object.fromEntries(entries)
  }

  get isNothing(): boolean {
    return Object.values(this.#sum).every((change) => change === 0)
  }
}

export class DocumentRows {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  find(fileId: number, documentId: string): DocumentRow | undefined {
    return this.#database.get<DocumentRow>(
      'SELECT * FROM file_documents WHERE file_id = ? AND document_id = ?',
      fileId,
      documentId,
    )
  }

  /**
   * Makes the document one of this pass of its file, to be handed to its shard. `again`: it was claimed before a crash;
   * `repeated`: another document of the file has its id.
   */
  claim(file: FileRow, documentId: string, ordinal: number, sum: CountSum): 'new' | 'again' | 'repeated' {
    const { id, collection_id, pass } = file
    const row = this.find(id, documentId)
    if (row?.pass === pass) return row.ordinal === ordinal ? 'again' : 'repeated'
    this.#database.run(
      `INSERT OR REPLACE INTO file_documents (file_id, document_id, collection_id, status, pass, ordinal, version, chunks)
       VALUES (?, ?, ?, 'waiting', ?, ?, 0, 0)`,
      id,
      documentId,
      collection_id,
      pass,
      ordinal,
    )
    sum.add(NONE, countsOf({ status: 'waiting', chunks: 0 }))
    return 'new'
  }

  change(file: FileRow, row: DocumentRow, change: DocumentChange, sum: CountSum): void {
    const after = { ...row, ...change }
    this.#database.run(
      'UPDATE file_documents SET status = ?, chunks = ?, version = ? WHERE file_id = ? AND document_id = ?',
      after.status,
      after.chunks,
      after.version,
      row.file_id,
      row.document_id,
    )
    if (row.pass === file.pass) sum.add(countsOf(row), countsOf(after))
  }

  /** Every file's row of the document. */
  ofDocument(collectionId: string, documentId: string): DocumentRow[] {
    return this.#database.all<DocumentRow>(
      'SELECT * FROM file_documents WHERE collection_id = ? AND document_id = ?',
      collectionId,
      documentId,
    )
  }

  ofStatus(fileId: number, status: DocumentStatus, limit: number): DocumentRow[] {
    return this.#database.all<DocumentRow>(
      'SELECT * FROM file_documents WHERE file_id = ? AND status = ? ORDER BY document_id LIMIT ?',
      fileId,
      status,
      limit,
    )
  }

  countOf(fileId: number, status: DocumentStatus): number {
    return (
      this.#database.get<{ count: number }>(
        'SELECT count(*) AS count FROM file_documents WHERE file_id = ? AND status = ?',
        fileId,
        status,
      )?.count ?? 0
    )
  }

  /** Documents of earlier passes that this one did not make any more. */
  leftBehind({ id, pass }: FileRow, limit: number): DocumentRow[] {
    return this.#database.all<DocumentRow>(
      'SELECT * FROM file_documents WHERE file_id = ? AND pass < ? ORDER BY document_id LIMIT ?',
      id,
      pass,
      limit,
    )
  }

  of(fileId: number, limit: number): DocumentRow[] {
    return this.#database.all<DocumentRow>(
      'SELECT * FROM file_documents WHERE file_id = ? ORDER BY document_id LIMIT ?',
      fileId,
      limit,
    )
  }

  remove({ file_id, document_id }: DocumentRow): void {
    this.#database.run('DELETE FROM file_documents WHERE file_id = ? AND document_id = ?', file_id, document_id)
  }

  /** Documents that do not stand in the index as this file made them are no longer its own. */
  forgetUnindexed(fileId: number): void {
    this.#database.run(
      "DELETE FROM file_documents WHERE file_id = ? AND status NOT IN ('indexed', 'unchanged')",
      fileId,
    )
  }

  hasAny(fileId: number): boolean {
    return this.#database.get('SELECT 1 AS found FROM file_documents WHERE file_id = ? LIMIT 1', fileId) !== undefined
  }

  removeCollection(collectionId: string): void {
    this.#database.run('DELETE FROM file_documents WHERE collection_id = ?', collectionId)
  }
}
