/**
 * Sends files in batches, some jobs ahead of the server, and tells what became of each. A batch that the server refuses is
 * halved until only what it refuses by itself is left out.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { NearfieldError } from '../client/client.ts'
import type { Job, JobFile, NearfieldClient } from '../client/client.ts'
import type { FileFailure } from './sync-record.ts'
import type { FolderFile } from './walk-folder.ts'

/** Few enough that what is settled is known soon, many enough that a request's cost does not count. */
const FILES_PER_REQUEST = 100
const BYTES_PER_REQUEST = 16_000_000
/** Jobs that the server works on while the next files are sent. */
const MAX_OPEN_JOBS = 4
const POLL_MS = 100
const MAX_POLL_MS = 1_000
const FILES_PER_PAGE = 1_000
/** The server's largest file of any format; it need not travel to be refused. */
const MAX_FILE_BYTES = 100_000_000

/** A file whose bytes were read. */
export interface ReadFile {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

export interface FileOutcome {
  readonly status: 'indexed' | 'unchanged' | 'superseded' | 'failed' | 'cancelled'
  readonly documentId?: string
  /** Its own, and those of its entries where it is an archive. */
  readonly failures: readonly FileFailure[]
  readonly documents: number
  readonly chunks: number
}

export interface UploadListener {
  /** Before a batch leaves. */
  sending?(files: readonly ReadFile[]): void
  /** The server has the files: they end as indexed or failed. */
  accepted?(job: string, files: readonly ReadFile[]): void
  settled(file: ReadFile, outcome: FileOutcome): void
  /** After each batch that settled. */
  batchSettled?(): void
  /** Whenever there is something new to show. */
  progress?(doneFiles: number, doneBytes: number): void
}

interface OpenJob {
  readonly id: string
  readonly files: readonly ReadFile[]
  readonly bytes: number
  /** Of its items, the share that has ended. */
  share: number
}

export class FileUpload {
  readonly #client: NearfieldClient
  readonly #collection: string
  readonly #listener: UploadListener
  readonly #open: OpenJob[] = []
  #doneFiles = 0
  #doneBytes = 0

  constructor(client: NearfieldClient, collection: string, listener: UploadListener) {
    this.#client = client
    this.#collection = collection
    this.#listener = listener
  }

  /** Waits for a job of an earlier run as for one of its own. */
  adopt(job: string, files: readonly ReadFile[]): void {
    this.#open.push({ id: job, files, bytes: bytesOf(files), share: 0 })
  }

  /** Returns once all are settled. Files that are gone by then are passed over. @throws NearfieldError */
  async send(files: readonly FolderFile[]): Promise<void> {
    for (const batch of batchesOf(files)) {
      await this.#sendBatch(batch.map(read).filter((file) => file !== undefined))
      await this.#poll(MAX_OPEN_JOBS - 1)
    }
    await this.#poll(0)
  }

  async #sendBatch(batch: readonly (ReadFile & { readonly content: Blob })[]): Promise<void> {
    if (batch.length === 0) return
    const files = batch.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }))
    this.#listener.sending?.(files)
    try {
      const { id } = await this.#client.uploadFiles(this.#collection, batch)
      this.#listener.accepted?.(id, files)
      this.adopt(id, files)
    } catch (error) {
      if (!(error instanceof NearfieldError && [400, 413, 415].includes(error.status))) throw error
      const [file] = files
      if (file !== undefined && batch.length === 1) {
        this.#settle(file, failed(file.name, error.code, error.message))
        this.#listener.batchSettled?.()
        return
      }
      const half = Math.ceil(batch.length / 2)
      await this.#sendBatch(batch.slice(0, half))
      await this.#sendBatch(batch.slice(half))
    }
  }

  /** Follows the open jobs until no more than `most` are left. */
  async #poll(most: number): Promise<void> {
    for (let pauseMs = POLL_MS; ; pauseMs = Math.min(pauseMs * 1.3, MAX_POLL_MS)) {
      for (const open of this.#open.slice()) {
        const job = await this.#lookUp(open.id)
        open.share = job === undefined || job.progress.total === 0 ? 0 : job.progress.done / job.progress.total
        if (job !== undefined && (job.status === 'queued' || job.status === 'running')) continue
        this.#open.splice(this.#open.indexOf(open), 1)
        await this.#settleJob(open, job)
        pauseMs = POLL_MS
      }
      this.#tell()
      if (this.#open.length <= most) return
      await sleep(pauseMs)
    }
  }

  /** `undefined` for one that the server has forgotten. */
  async #lookUp(job: string): Promise<Job | undefined> {
    try {
      return await this.#client.job(job)
    } catch (error) {
      if (error instanceof NearfieldError && error.status === 404) return undefined
      throw error
    }
  }

  async #settleJob({ id, files }: OpenJob, job: Job | undefined): Promise<void> {
    const outcomes = new Map<string, FileOutcome>()
    if (job !== undefined) {
      const names = new Set(files.map(({ name }) => name))
      for await (const item of this.#itemsOf(id)) {
        const name = names.has(item.name) ? item.name : archiveOf(item.name, names)
        if (name !== undefined) outcomes.set(name, withItem(outcomes.get(name), item, name))
      }
    }
    const unknown = { code: 'job_forgotten', detail: 'the server knows its job no more; run the same command again' }
    for (const file of files) {
      this.#settle(file, outcomes.get(file.name) ?? failed(file.name, unknown.code, unknown.detail))
    }
    this.#listener.batchSettled?.()
  }

  async *#itemsOf(job: string): AsyncGenerator<JobFile> {
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await this.#client.getJobFiles(job, {
        limit: FILES_PER_PAGE,
        ...(cursor === undefined ? {} : { cursor }),
      })
      yield* page.data
      cursor = page.nextCursor
    }
  }

  #settle(file: ReadFile, outcome: FileOutcome): void {
    this.#doneFiles++
    this.#doneBytes += file.bytes
    this.#listener.settled(file, outcome)
    this.#tell()
  }

  #tell(): void {
    const partly = this.#open.reduce((sum, { files, share }) => sum + Math.floor(files.length * share), 0)
    const partBytes = this.#open.reduce((sum, { bytes, share }) => sum + bytes * share, 0)
    this.#listener.progress?.(this.#doneFiles + partly, this.#doneBytes + partBytes)
  }
}

const bytesOf = (files: readonly ReadFile[]): number => files.reduce((sum, { bytes }) => sum + bytes, 0)

const failed = (name: string, code: string, detail: string): FileOutcome => ({
  status: 'failed',
  failures: [{ name, code, detail }],
  documents: 0,
  chunks: 0,
})

/** Faults that the server would name, found before anything travels. */
export function faultOf({ name, bytes }: FolderFile): FileFailure | undefined {
  if (bytes > MAX_FILE_BYTES)
    return { name, code: 'file_too_large', detail: 'files of more than 100 MB are not read; divide it' }
  if (bytes === 0) return { name, code: 'empty_file', detail: 'the file holds nothing' }
  return undefined
}

function* batchesOf(files: readonly FolderFile[]): Generator<FolderFile[]> {
  let batch: FolderFile[] = []
  let bytes = 0
  for (const file of files) {
    if (batch.length > 0 && (batch.length === FILES_PER_REQUEST || bytes + file.bytes > BYTES_PER_REQUEST)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(file)
    bytes += file.bytes
  }
  if (batch.length > 0) yield batch
}

/** The hash is that of the bytes that are sent, whatever the file becomes meanwhile. */
function read({ path, name }: FolderFile): (ReadFile & { readonly content: Blob }) | undefined {
  try {
    const content = readFileSync(path)
    return { name, bytes: content.length, sha256: hashOf(content), content: new Blob([content]) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

export const hashOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** The uploaded file that an entry of an archive came out of. */
function archiveOf(name: string, names: ReadonlySet<string>): string | undefined {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    if (names.has(name.slice(0, at))) return name.slice(0, at)
  }
  return undefined
}

function withItem(known: FileOutcome | undefined, item: JobFile, name: string): FileOutcome {
  const isEntry = item.name !== name
  const own = isEntry ? (known?.status ?? 'indexed') : item.status
  const id = isEntry ? known?.documentId : item.documentId
  return {
    status: own === 'queued' || own === 'parsing' || own === 'embedding' ? 'failed' : own,
    ...(id === undefined ? {} : { documentId: id }),
    failures: [...(known?.failures ?? []), ...failuresOf(item)],
    documents: (known?.documents ?? 0) + item.documents,
    chunks: (known?.chunks ?? 0) + item.chunks,
  }
}

function failuresOf({ name, status, code, detail = '', failedDocuments }: JobFile): FileFailure[] {
  if (status === 'failed' || status === 'cancelled') return [{ name, code: code ?? status, detail }]
  if (failedDocuments === 0) return []
  return [{ name, code: code ?? 'documents_failed', detail: detail || `${failedDocuments} of its documents failed` }]
}
