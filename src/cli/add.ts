/**
 * `nearfield add`: uploads documents, 64 a request. It keeps no state of its own: a document that the server already has
 * as it is answers `unchanged` and costs no embedding, so running the same command again is how an upload is resumed.
 */
import { NearfieldClient, NearfieldError } from '../client/client.ts'
import type { DocumentInput, DocumentResult } from '../client/client.ts'
import type { Target } from './options.ts'
import { listFiles, readDocuments } from './read-documents.ts'
import { ProgressBar } from './terminal.ts'

const DOCUMENTS_PER_REQUEST = 64
/** Well under the server's limit of a body, so that escapes in JSON cannot push a batch over it. */
const BYTES_PER_REQUEST = 4_000_000

export interface AddReport {
  created: number
  replaced: number
  unchanged: number
  /** Accepted for later indexing and finished meanwhile. */
  indexed: number
  failed: number
  readonly failures: { id: string; code: string; detail: string }[]
}

class Upload {
  readonly report: AddReport = { created: 0, replaced: 0, unchanged: 0, indexed: 0, failed: 0, failures: [] }
  readonly #client: NearfieldClient
  readonly #collection: string

  constructor(client: NearfieldClient, collection: string) {
    this.#client = client
    this.#collection = collection
  }

  /** Sends one batch; where the server refuses some of its documents, the others are sent again without them. */
  async send(documents: readonly DocumentInput[]): Promise<void> {
    if (documents.length === 0) return
    try {
      const result = await this.#client.put(this.#collection, documents)
      if ('job' in result) await this.#settle(result.job.id)
      else for (const item of result.results) this.#count(item)
    } catch (error) {
      const refused =
        error instanceof NearfieldError && error.status === 400 ? refusedOf(error) : new Map<number, string>()
      if (refused.size === 0) throw error
      for (const [index, detail] of refused) this.#fail(documents[index]?.id ?? '?', 'invalid_request', detail)
      await this.send(documents.filter((_, index) => !refused.has(index)))
    }
  }

  async #settle(jobId: string): Promise<void> {
    const { counts, failures } = await this.#client.waitForJob(jobId)
    this.report.indexed += counts.succeeded
    this.report.failed += counts.failed + counts.cancelled
    this.report.failures.push(
      ...failures.map(({ documentId, code, detail = '' }) => ({ id: documentId, code, detail })),
    )
  }

  #count({ id, status, error }: DocumentResult): void {
    if (status === 'failed') this.#fail(id, error?.code ?? 'failed', error?.detail ?? '')
    else this.report[status]++
  }

  #fail(id: string, code: string, detail: string): void {
    this.report.failed++
    this.report.failures.push({ id, code, detail })
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

async function ensureCollection(client: NearfieldClient, name: string): Promise<void> {
  try {
    await client.collection(name)
  } catch (error) {
    if (!(error instanceof NearfieldError && error.status === 404)) throw error
    await client.createCollection({ name })
  }
}

/** Uploads everything under `paths`. @throws UsageError, NearfieldError */
export async function add(
  target: Target,
  paths: readonly string[],
  folder: string,
  showsProgress: boolean,
): Promise<AddReport> {
  const files = listFiles(paths, folder)
  const client = new NearfieldClient({ ...target, retries: 6 })
  await ensureCollection(client, target.collection)
  const upload = new Upload(client, target.collection)
  const bar = new ProgressBar(showsProgress)
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let batch: DocumentInput[] = []
  let batchBytes = 0
  let doneBytes = 0
  let sent = 0
  const flush = async (): Promise<void> => {
    await upload.send(batch)
    doneBytes += batchBytes
    sent += batch.length
    batch = []
    batchBytes = 0
    bar.show(totalBytes === 0 ? 1 : doneBytes / totalBytes, sent)
  }
  try {
    for (const file of files) {
      for await (const { document, bytes } of readDocuments(file)) {
        const overflows = batch.length === DOCUMENTS_PER_REQUEST || batchBytes + bytes > BYTES_PER_REQUEST
        // A request must not name one document twice; the later one waits for the next.
        if (overflows || batch.some(({ id }) => id === document.id)) await flush()
        batch.push(document)
        batchBytes += bytes
      }
    }
    await flush()
  } finally {
    bar.clear()
  }
  return upload.report
}
