/**
 * `nearfield sync`: makes a collection hold what a folder holds. Files are told apart by the hash of their bytes; new and
 * changed ones are sent, the documents of vanished ones deleted. A run that was ended anywhere is finished by the next one.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { NearfieldClient, NearfieldError } from '../client/client.ts'
import { ensureCollection } from './ensure-collection.ts'
import { faultOf, FileUpload, hashOf } from './file-upload.ts'
import type { FileOutcome, ReadFile } from './file-upload.ts'
import { UsageError } from './options.ts'
import type { Target } from './options.ts'
import { lockRecord, SyncRecord } from './sync-record.ts'
import type { FileFailure } from './sync-record.ts'
import type { FileProgress } from './terminal.ts'
import { walkFolder } from './walk-folder.ts'
import type { FolderFile } from './walk-folder.ts'

export interface SyncRequest {
  /** As typed. */
  readonly folder: string
  readonly exclude: readonly string[]
  /** Where the record lies, as typed; in the folder unless given. */
  readonly record?: string | undefined
  readonly dryRun: boolean
  /** Sends files again that failed for good before. */
  readonly retry: boolean
  /** Deletes everything where the folder holds nothing any more. */
  readonly allowEmpty: boolean
}

export interface SyncPlan {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly vanished: readonly string[]
  /** What an earlier run has sent and this one saw settled is not among them. */
  readonly unchanged: number
  readonly passedOver: number
  readonly bytesToSend: number
}

export interface SyncReport extends SyncPlan {
  readonly dryRun: boolean
  /** Files that were sent and are searchable now. */
  readonly indexed: number
  readonly documents: number
  readonly chunks: number
  readonly deletedDocuments: number
  /** Of this run, and of files that failed before and did not change. */
  readonly failures: readonly FileFailure[]
  readonly seconds: number
}

const RECORD_NAME = '.nearfield-sync.json'
/** Two clauses each, of the 64 that a filter may have. */
const NAMES_PER_FILTER = 30
const IDS_PER_DELETION = 1_000

/** The file would fail again the same way until it changes. */
const FOR_GOOD = new Set(
  (
    'unsupported_format empty_file no_text file_too_large malformed_file encrypted_file needs_ocr unknown_encoding unsafe_path ' +
    'expansion_limit too_complex record_too_large too_many_documents too_many_files nested_archive mapping_mismatch ' +
    'invalid_request payload_too_large body_too_large'
  ).split(' '),
)

export async function sync(
  target: Target,
  request: SyncRequest,
  here: string,
  progress: FileProgress,
  retries = 6,
): Promise<SyncReport> {
  const startedAt = performance.now()
  const root = resolve(here, request.folder)
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`there is no folder ${root}`)
  const recordPath = request.record === undefined ? join(root, RECORD_NAME) : resolve(here, request.record)
  const client = new NearfieldClient({ ...target, retries })
  const unlock = request.dryRun ? () => {} : lockRecord(recordPath)
  try {
    const { files, passedOver } = walkFolder(root, request.exclude)
    const collection = request.dryRun
      ? await findCollection(client, target.collection)
      : await ensureCollection(client, target.collection)
    const record = new SyncRecord(recordPath, { id: collection.id, name: target.collection, url: client.url })
    const run = new SyncRun(client, target.collection, record, progress)
    if (!request.dryRun) await run.finishEarlierJobs(files)
    const { plan, toSend } = planOf(files, passedOver.length, run, record, request.retry)
    if (files.length === 0 && plan.vanished.length > 0 && !request.allowEmpty) {
      throw new UsageError(
        `${root} holds no files any more; --allow-empty deletes the documents of all ${plan.vanished.length}`,
      )
    }
    const deletedDocuments = request.dryRun ? 0 : await run.delete(plan.vanished)
    if (!request.dryRun) await run.send(toSend)
    const failures = [...record.files.values()].flatMap((file) => file.failures ?? [])
    const seconds = (performance.now() - startedAt) / 1_000
    return { ...plan, dryRun: request.dryRun, ...run.counts, deletedDocuments, failures, seconds }
  } finally {
    progress.clear()
    unlock()
  }
}

/** For a dry run, which makes none. */
async function findCollection(client: NearfieldClient, name: string): Promise<{ readonly id: string }> {
  try {
    return await client.collection(name)
  } catch (error) {
    if (error instanceof NearfieldError && error.status === 404) return { id: '' }
    throw error
  }
}

function planOf(
  files: readonly FolderFile[],
  passedOver: number,
  { settled }: SyncRun,
  record: SyncRecord,
  retry: boolean,
): { readonly plan: SyncPlan; readonly toSend: readonly FolderFile[] } {
  const added: string[] = []
  const changed: string[] = []
  const toSend: FolderFile[] = []
  let unchanged = 0
  for (const file of files) {
    const known = record.files.get(file.name)
    const failures = known?.failures ?? []
    const isDone = failures.length === 0 || (!retry && failures.every(({ code }) => FOR_GOOD.has(code)))
    // What is on its way may have arrived: whether the server has this version or that one, nobody knows.
    const isCertain = known !== undefined && isDone && !record.sending.has(file.name)
    if (isCertain && known.sha256 === currentHash(file)) {
      if (!settled.has(file.name)) unchanged++
      continue
    }
    const list = known === undefined ? added : changed
    list.push(file.name)
    toSend.push(file)
  }
  const present = new Set(files.map(({ name }) => name))
  const vanished = [...new Set([...record.files.keys(), ...record.sending.keys()])].filter((name) => !present.has(name))
  const bytesToSend = toSend.reduce((sum, { bytes }) => sum + bytes, 0)
  return { plan: { added, changed, vanished: vanished.sort(), unchanged, passedOver, bytesToSend }, toSend }
}

/** Empty for a file that cannot be sent anyhow, and one that is gone meanwhile. */
function currentHash(file: FolderFile): string {
  if (faultOf(file) !== undefined || !existsSync(file.path)) return ''
  return hashOf(readFileSync(file.path))
}

class SyncRun {
  readonly counts = { indexed: 0, documents: 0, chunks: 0 }
  /** Names of files. */
  readonly settled = new Set<string>()
  readonly #client: NearfieldClient
  readonly #collection: string
  readonly #record: SyncRecord
  readonly #progress: FileProgress

  constructor(client: NearfieldClient, collection: string, record: SyncRecord, progress: FileProgress) {
    this.#client = client
    this.#collection = collection
    this.#record = record
    this.#progress = progress
  }

  /** Waits for what an earlier run has sent and not seen settled; what of it was never accepted is planned anew. */
  async finishEarlierJobs(files: readonly FolderFile[]): Promise<void> {
    const sizes = new Map(files.map(({ name, bytes }) => [name, bytes]))
    const jobs = new Map<string, ReadFile[]>()
    for (const [name, { sha256, job }] of this.#record.sending) {
      if (job !== undefined) jobs.set(job, [...(jobs.get(job) ?? []), { name, sha256, bytes: sizes.get(name) ?? 0 }])
    }
    if (jobs.size === 0) return
    this.#progress.begin([...jobs.values()].flat())
    const upload = this.#upload()
    for (const [job, sent] of jobs) upload.adopt(job, sent)
    await upload.send([])
    this.#progress.clear()
  }

  async delete(names: readonly string[]): Promise<number> {
    const ids: string[] = []
    const several: string[] = []
    for (const name of names) {
      const id = this.#record.sending.has(name) ? undefined : this.#record.files.get(name)?.documentId
      if (id === undefined) several.push(name)
      else ids.push(id)
    }
    // Should this break off, they may be deleted or not, and their files may be back by the next run.
    for (const name of names) this.#record.sending.set(name, { sha256: '' })
    if (names.length > 0) this.#record.save()
    let deleted = 0
    for (const part of partsOf(ids, IDS_PER_DELETION)) {
      deleted += await this.#client.deleteDocuments(this.#collection, { ids: part })
    }
    for (const part of partsOf(several, NAMES_PER_FILTER)) {
      const $or = part.flatMap((name) => [{ $id: name }, { $id: { $prefix: `${name}/` } }])
      deleted += await this.#client.deleteDocuments(this.#collection, { filter: { $or } })
    }
    for (const name of names) {
      this.#record.files.delete(name)
      this.#record.sending.delete(name)
    }
    if (names.length > 0) this.#record.save()
    return deleted
  }

  async send(files: readonly FolderFile[]): Promise<void> {
    const sendable: FolderFile[] = []
    for (const file of files) {
      const fault = faultOf(file)
      if (fault === undefined) sendable.push(file)
      else this.#record.files.set(file.name, { sha256: '', failures: [fault] })
    }
    if (files.length > 0) this.#record.save()
    if (sendable.length === 0) return
    this.#progress.begin(sendable)
    await this.#upload().send(sendable)
  }

  #upload(): FileUpload {
    const record = this.#record
    return new FileUpload(this.#client, this.#collection, {
      sending: (files) => {
        for (const { name, sha256 } of files) record.sending.set(name, { sha256 })
        record.save()
      },
      accepted: (job, files) => {
        for (const { name, sha256 } of files) record.sending.set(name, { sha256, job })
        record.save()
      },
      settled: (file, outcome) => this.#settle(file, outcome),
      batchSettled: () => record.save(),
      progress: (doneFiles, doneBytes) => this.#progress.show(doneFiles, doneBytes),
    })
  }

  #settle({ name, sha256 }: ReadFile, { status, documentId, failures, documents, chunks }: FileOutcome): void {
    this.settled.add(name)
    this.#record.sending.delete(name)
    this.#record.files.set(name, {
      sha256,
      ...(documentId === undefined ? {} : { documentId }),
      ...(failures.length === 0 ? {} : { failures }),
    })
    if (status === 'failed' || status === 'cancelled') return
    this.counts.indexed++
    this.counts.documents += documents
    this.counts.chunks += chunks
  }
}

function* partsOf(list: readonly string[], length: number): Generator<string[]> {
  for (let at = 0; at < list.length; at += length) yield list.slice(at, at + length)
}
