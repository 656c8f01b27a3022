/** What is done to whole jobs: files are taken over, called off, tried again. Every function is one transaction. */
import { canonicalJson } from '../core/canonical-json.ts'
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { FileStore } from './file-store.ts'
import { startOver } from './file-run.ts'
import type { AcceptFiles, FileOptions, FileWriter, ReceivedFile } from './files-api.ts'
import { isSettledFile, type FileRow } from './rows/file-row.ts'
import type { NewFile } from './rows/files.ts'
import type { Uploads } from './uploads.ts'

/** Hex digits: 128 bits. */
const FINGERPRINT_DIGITS = 32

/** Equal where the same documents would be made and accepted. */
export async function fingerprintOf(
  { sha256: content, url }: Pick<ReceivedFile, 'sha256' | 'url'>,
  options: FileOptions,
  { filter, mayWriteAcl }: Omit<FileWriter, 'keyId'>,
): Promise<string> {
  const text = canonicalJson({ content, url, options, filter, mayWriteAcl })
  return hex(await sha256(utf8(text))).slice(0, FINGERPRINT_DIGITS)
}

/** Queues a file of a job; what waits under its name is not read any more. Inside the caller's transaction. */
export function queueFile(store: FileStore, jobId: string, file: NewFile): void {
  const [id = 0] = store.files.add(jobId, [file])
  store.supersedeQueued({ collection_id: file.collectionId, name: file.name, id }, (older) =>
    mayReplace(writerOf(store, jobId), writerOf(store, older.job_id)),
  )
}

const writerOf = ({ jobs }: FileStore, jobId: string): FileWriter | undefined => {
  const job = jobs.find(jobId)
  return job && (JSON.parse(job.writer) as FileWriter)
}

/** Whoever could not write what another may write does not keep it from being read: both are, one after the other. */
function mayReplace(newer: FileWriter | undefined, older: FileWriter | undefined): boolean {
  if (newer === undefined || older === undefined) return false
  const isAsFree = newer.filter === undefined || canonicalJson(newer.filter) === canonicalJson(older.filter ?? null)
  return isAsFree && (newer.mayWriteAcl || !older.mayWriteAcl)
}

/** False when the upload was swept away. Safe to repeat. @throws originals_full; the upload is swept away then */
export function acceptFiles(
  store: FileStore,
  uploads: Pick<Uploads, 'take' | 'requireRoom'>,
  { uploadId, jobId, collectionId, files, options, writer }: AcceptFiles,
  fingerprints: readonly string[],
): boolean {
  return store.database.transaction((): boolean => {
    if (!uploads.take(uploadId)) return store.jobs.find(jobId) !== undefined
    uploads.requireRoom(files.reduce((sum, { bytes }) => sum + bytes, 0))
    store.jobs.add({ id: jobId, collectionId, kind: 'files', writer, options, isOpen: false })
    for (const [index, file] of files.entries()) {
      queueFile(store, jobId, {
        jobId,
        collectionId,
        name: file.name,
        bytes: file.bytes,
        sha256: file.sha256,
        format: file.format,
        url: file.url,
        fingerprint: fingerprints[index] ?? '',
        originalKey: file.key,
      })
    }
    return true
  })
}

/** What is queued ends at once; the pipeline calls off the rest. False without such a job. */
export function cancelJob(store: FileStore, jobId: string): boolean {
  return store.database.transaction((): boolean => {
    if (store.jobs.find(jobId) === undefined) return false
    store.jobs.cancel(jobId)
    for (const { id } of store.files.ofJob(jobId, ['queued'])) store.settle(id, { status: 'cancelled' })
    return true
  })
}

/** How many are queued again: those that failed, and those of which some documents did. */
export function retryJob(store: FileStore, jobId: string): number {
  return store.database.transaction((): number => {
    const failed = store.files
      .ofJob(jobId, ['failed', 'indexed'])
      .filter((file) => (file.status === 'failed' || file.failed_documents > 0) && isRepeatable(store, file))
    if (failed.length > 0) store.jobs.reopen(jobId)
    for (const file of failed) {
      store.files.update(file.id, {
        ...startOver(file),
        status: 'queued',
        strikes: 0,
        failures: 0,
        not_before_ms: 0,
        code: null,
        detail: null,
        keep_until_ms: null,
      })
    }
    return failed.length
  })
}

/** Its original is there, nothing newer came under its name, and it is not an archive that was opened. */
function isRepeatable({ files, database }: FileStore, { id, parent, collection_id, name }: FileRow): boolean {
  const original = files.find(parent ?? id)?.original_key ?? null
  if (original === null || files.children(id).length > 0) return false
  return (
    database.get(
      'SELECT 1 AS newer FROM files WHERE collection_id = ? AND name = ? AND id > ? LIMIT 1',
      collection_id,
      name,
      id,
    ) === undefined
  )
}

/** Whether a file of this name with these bytes is indexed, or waits to be. */
export function holdsFile(store: FileStore, collectionId: string, name: string, sha256Hex: string): boolean {
  const owner = store.files.owner(collectionId, name)
  if (owner?.sha256 === sha256Hex && owner.is_whole === 1) return true
  const newest = store.database.get<FileRow>(
    'SELECT * FROM files WHERE collection_id = ? AND name = ? ORDER BY id DESC LIMIT 1',
    collectionId,
    name,
  )
  return newest?.sha256 === sha256Hex && !isSettledFile(newest.status)
}
