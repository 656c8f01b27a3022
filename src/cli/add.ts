/**
 * `nearfield add`: uploads files as they are, and the documents in json and jsonl, 64 a request. It keeps no state of its own:
 * what the server already has as it is answers `unchanged` and costs no embedding, so running the same command again is how
 * an upload is resumed.
 */
import { NearfieldClient, NearfieldError } from '../client/client.ts'
import type { DocumentResult } from '../client/client.ts'
import { ensureCollection } from './ensure-collection.ts'
import { faultOf, FileUpload } from './file-upload.ts'
import type { FileOutcome } from './file-upload.ts'
import type { Target } from './options.ts'
import { holdsDocuments, listFiles, readDocuments } from './read-documents.ts'
import type { ReadDocument } from './read-documents.ts'
import type { FileFailure } from './sync-record.ts'
import type { FileProgress } from './terminal.ts'
import type { FolderFile } from './walk-folder.ts'

const DOCUMENTS_PER_REQUEST = 64
/** Well under the server's limit of a body, so that escapes in JSON cannot push a batch over it. */
const BYTES_PER_REQUEST = 4_000_000

export interface AddReport {
  created: number
  replaced: number
  unchanged: number
  /** Files, and documents that were accepted for later indexing and finished meanwhile. */
  indexed: number
  failed: number
  /** `source` is the file it came from, for jsonl with the line. */
  readonly failures: { id: string; source?: string; code: string; detail: string }[]
  /** Files of kinds without text in the folders that were named. */
  readonly passedOver: number
}

class Upload {
  readonly report: AddReport
  readonly #client: NearfieldClient
  readonly #collection: string

  constructor(client: NearfieldClient, collection: string, passedOver: number) {
    this.#client = client
    this.#collection = collection
    this.report = { created: 0, replaced: 0, unchanged: 0, indexed: 0, failed: 0, failures: [], passedOver }
  }

  async sendFiles(files: readonly FolderFile[], progress: FileProgress): Promise<void> {
    const sendable: FolderFile[] = []
    for (const file of files) {
      const fault = faultOf(file)
      if (fault === undefined) sendable.push(file)
      else this.#failFile(fault)
    }
    if (sendable.length === 0) return
    progress.begin(sendable)
    const upload = new FileUpload(this.#client, this.#collection, {
      settled: (_, outcome) => this.#countFile(outcome),
      progress: (doneFiles, doneBytes) => progress.show(doneFiles, doneBytes),
    })
    await upload.send(sendable)
  }

  async sendDocuments(files: readonly FolderFile[], progress: FileProgress): Promise<void> {
    if (files.length === 0) return
    progress.begin(files)
    let batch: ReadDocument[] = []
    let batchBytes = 0
    let doneBytes = 0
    let doneFiles = 0
    const flush = async (): Promise<void> => {
      await this.send(batch)
      doneBytes += batchBytes
      batch = []
      batchBytes = 0
      progress.show(doneFiles, doneBytes)
    }
    for (const file of files) {
      for await (const item of readDocuments(file)) {
        const overflows = batch.length === DOCUMENTS_PER_REQUEST || batchBytes + item.bytes > BYTES_PER_REQUEST
        // A request must not name one document twice; the later one waits for the next.
        if (overflows || batch.some(({ document }) => document.id === item.document.id)) await flush()
        batch.push(item)
        batchBytes += item.bytes
      }
      doneFiles++
    }
    await flush()
  }

  /**
   * Sends one batch. Where the server refuses some of its documents, the others are sent again without them; a batch
   * over the limit of a body is halved until only what is too large by itself is left out.
   */
  async send(batch: readonly ReadDocument[]): Promise<void> {
    if (batch.length === 0) return
    try {
      const documents = batch.map(({ document }) => document)
      const result = await this.#client.put(this.#collection, documents)
      if ('job' in result) await this.#settle(result.job.id, batch)
      else for (const [index, item] of result.results.entries()) this.#count(item, batch[index])
    } catch (error) {
      if (!(error instanceof NearfieldError)) throw error
      if (error.status === 413) {
        await this.#sendHalves(batch, error)
        return
      }
      const refused = error.status === 400 ? refusedOf(error) : new Map<number, string>()
      if (refused.size === 0) throw error
      for (const [index, detail] of refused) this.#fail(batch[index], 'invalid_request', detail)
      await this.send(batch.filter((_, index) => !refused.has(index)))
    }
  }

  async #sendHalves(batch: readonly ReadDocument[], { code, message }: NearfieldError): Promise<void> {
    if (batch.length === 1) {
      this.#fail(batch[0], code, message)
      return
    }
    const half = Math.ceil(batch.length / 2)
    await this.send(batch.slice(0, half))
    await this.send(batch.slice(half))
  }

  async #settle(jobId: string, batch: readonly ReadDocument[]): Promise<void> {
    const { counts, failures } = await this.#client.waitForJob(jobId)
    const sources = new Map(batch.map(({ document, source }) => [document.id, source]))
    this.report.indexed += counts.succeeded
    this.report.failed += counts.failed + counts.cancelled
    for (const { documentId: id, code, detail = '' } of failures) {
      const source = sources.get(id)
      this.report.failures.push({ id, ...(source === undefined ? {} : { source }), code, detail })
    }
  }

  #countFile({ status, failures }: FileOutcome): void {
    for (const failure of failures) this.#failFile(failure)
    if (status === 'unchanged') this.report.unchanged++
    else if (status === 'indexed' || status === 'superseded') this.report.indexed++
  }

  #failFile({ name, code, detail }: FileFailure): void {
    this.report.failed++
    this.report.failures.push({ id: name, code, detail })
  }

  #count({ status, error }: DocumentResult, item: ReadDocument | undefined): void {
    if (status === 'failed') this.#fail(item, error?.code ?? 'failed', error?.detail ?? '')
    else this.report[status]++
  }

  #fail(item: ReadDocument | undefined, code: string, detail: string): void {
    this.report.failed++
    if (item === undefined) return
    this.report.failures.push({ id: item.document.id, source: item.source, code, detail })
  }
}

/** Which documents of a batch the pointers of a 400 name, such as `/documents/3/text`. */
function refusedOf(error: NearfieldError): Map<number, string> {
  return new Map(
    error.errors.flatMap(({ pointer, detail }) => {
      const match = /^\/documents\/(\d+)(\/.*)?$/.exec(pointer)
      return match === null ? [] : [[Number(match[1]), `${match[2] ?? ''} ${detail}`.trim()] as const]
    }),
  )
}

/** Uploads everything under the paths that were named. @throws UsageError, NearfieldError */
export async function add(
  target: Target,
  { words, exclude }: { readonly words: readonly string[]; readonly exclude: readonly string[] },
  folder: string,
  progress: FileProgress,
): Promise<AddReport> {
  const { files, passedOver } = listFiles(words, folder, exclude)
  const client = new NearfieldClient({ ...target, retries: 6 })
  await ensureCollection(client, target.collection)
  const upload = new Upload(client, target.collection, passedOver.length)
  try {
    await upload.sendDocuments(
      files.filter(({ path }) => holdsDocuments(path)),
      progress,
    )
    await upload.sendFiles(
      files.filter(({ path }) => !holdsDocuments(path)),
      progress,
    )
  } finally {
    progress.clear()
  }
  return upload.report
}
