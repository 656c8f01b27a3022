/**
 * One file is read: its format is told, its documents are handed to their shards batch by batch. A run ends when all is
 * handed over, when its slice of time is over, or when others have to catch up; the next one reads the file again and
 * skips what was handled.
 *
 * What was begun and not ended is noted as strikes before it begins: 2 while a parser works, 1 while what it gave is handed
 * over. A process that dies leaves them behind. At `MAX_STRIKES` the file is taken for the cause.
 */
import { workIdOf } from '../core/ids.ts'
import { PROBLEMS, asProblem } from '../core/problem.ts'
import { isConvertible, parseWithConverter } from '../parsing/converter.ts'
import { FileFault } from '../parsing/file-fault.ts'
import { MAX_FILE_BYTES, MAX_STREAMED_FILE_BYTES } from '../core/limits.ts'
import { STREAMED_FORMATS, type FileFormat } from '../parsing/file-format.ts'
import { ParseBudget } from '../parsing/parse-budget.ts'
import type { FileBytes, FileToParse, ParsedDocument } from '../parsing/parsed-document.ts'
import { recogniseFile } from '../parsing/recognise-file.ts'
import { expandArchive } from './expand-archive.ts'
import type { FileStore } from './file-store.ts'
import { openFile, UnreadableBytes } from './open-file.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { READING, type FilePatch, type FileRow } from './rows/file-row.ts'
import { FileGone, stageBatch, type FileContext } from './stage-batch.ts'

/** Formats whose faults may show late, after many documents were made. */
const LATE_FORMATS: ReadonlySet<FileFormat> = new Set(['csv', 'tsv', 'jsonl', 'xlsx'])
/** Of smaller ones, what was indexed in part is little. */
const TRIED_OUT_BYTES = 64_000

const isTriedOut = ({ bytes, handled, documents }: FileRow, format: FileFormat): boolean =>
  LATE_FORMATS.has(format) && bytes > TRIED_OUT_BYTES && handled === 0 && documents === 0

const READING_STRIKES = 2
const HANDING_STRIKES = 1
/** Five deaths of the process in one stretch of reading: fewer may be a machine's bad minute. */
export const MAX_STRIKES = 5 * READING_STRIKES
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** A file that fails through no fault of its own is tried for about an hour. */
const MAX_FAILURES = 60
/** What a batch holds at most, or one document. */
const BATCH_DOCUMENTS = 50
const BATCH_UNITS = 500_000

export interface RunLimits {
  /** Asked between two batches: whether the rest is left to a later run. */
  readonly isTimeUp: () => boolean
  /** Whether shards have so much to do that no more is handed to them. */
  readonly isCongested: () => boolean
}

/** The run ends here; the row says what follows. */
class Left extends Error {
  override readonly name = 'Left'
}

export class FileRun {
  readonly #store: FileStore
  readonly #ports: PipelinePorts
  readonly #context: FileContext
  readonly #limits: RunLimits
  readonly #id: number
  #isRepeat = false
  #lastMs = 0
  /** What was learned of the file; it is written with what comes next, because every write waits for the disk. */
  #learned: FilePatch = {}

  constructor(store: FileStore, ports: PipelinePorts, file: FileRow, context: FileContext, limits: RunLimits) {
    this.#store = store
    this.#ports = ports
    this.#id = file.id
    this.#context = context
    this.#limits = limits
  }

  /** Never throws; what goes wrong is written down. */
  async run(): Promise<void> {
    this.#lastMs = this.#ports.clock()
    try {
      const file = this.#begin()
      if (file !== undefined) await this.#read(file)
    } catch (error) {
      if (error instanceof Left || error instanceof FileGone) return
      this.#failed(error)
    }
  }

  /** Strikes stand before anything is done. `undefined`: there is nothing to read. */
  #begin(): FileRow | undefined {
    const { files, database } = this.#store
    return database.transaction((): FileRow | undefined => {
      const file = files.find(this.#id)
      if (file === undefined || (file.status !== 'queued' && file.status !== 'parsing')) return undefined
      if (file.strikes >= MAX_STRIKES) {
        this.#end(new FileFault('parser_crashed'))
        return undefined
      }
      if (this.#isUnchanged(file)) {
        this.#store.settle(file.id, { status: 'unchanged' })
        return undefined
      }
      this.#isRepeat = file.status === 'parsing' || file.pass > 1
      const { release } = this.#ports
      // Other parsers may make other documents: what stands is compared with all of theirs.
      const isOther = file.status === 'parsing' && file.parsed_by !== release
      return files.update(file.id, {
        status: 'parsing',
        strikes: file.strikes + READING_STRIKES,
        parsed_by: release,
        ...(isOther ? startOver(file) : {}),
      })
    })
  }

  /** The same bytes with the same options stand in the index under this name, and nobody has touched them. */
  #isUnchanged({ collection_id, name, fingerprint, status }: FileRow): boolean {
    if (fingerprint === '' || status !== 'queued') return false
    const owner = this.#store.files.owner(collection_id, name)
    return owner?.fingerprint === fingerprint && owner.is_whole === 1
  }

  async #read(file: FileRow): Promise<void> {
    const bytes = await openFile(this.#store, this.#ports.originals, file)
    if (bytes === undefined) throw new FileFault('malformed_file', 'the original is gone; send it again')
    const { clock } = this.#ports
    const budget = new ParseBudget({ size: bytes.size, clock })
    const { converter } = this.#ports
    try {
      await this.#parse(file, bytes, budget)
    } catch (error) {
      const isOffered = error instanceof FileFault && isConvertible(converter, error.code, file.name)
      if (!isOffered || converter === undefined || this.#present().documents > 0) throw error
      await this.#readDocuments(file, parseWithConverter({ name: file.name, bytes, budget }, converter))
    }
  }

  async #parse(file: FileRow, bytes: FileBytes, budget: ParseBudget): Promise<void> {
    const { format, encoding } = await recogniseFile(bytes, file.name, budget)
    if (bytes.size > (STREAMED_FORMATS.has(format) ? MAX_STREAMED_FILE_BYTES : MAX_FILE_BYTES)) {
      throw new FileFault('file_too_large')
    }
    if (format === 'zip') {
      if (file.parent !== null) throw new FileFault('nested_archive')
      return expandArchive(this.#store, file, bytes, budget)
    }
    this.#learned = { format }
    const parsed = {
      name: file.name,
      format,
      ...(encoding === undefined ? {} : { encoding }),
      bytes,
      options: this.#context.options,
      budget,
      readCMap: this.#ports.readCMap,
    }
    if (isTriedOut(file, format))
      await this.#tryOut({ ...parsed, budget: new ParseBudget({ size: bytes.size, clock: this.#ports.clock }) })
    await this.#readDocuments(file, this.#ports.parse(parsed))
  }

  /** Reads it to its end without keeping anything: what is refused there must not have been indexed in part. */
  async #tryOut(parsed: FileToParse): Promise<void> {
    for await (const _ of this.#ports.parse(parsed)) {
      // Nothing is made of it.
    }
  }

  async #readDocuments(file: FileRow, documents: AsyncIterable<ParsedDocument>): Promise<void> {
    let ordinal = 0
    let batch: ParsedDocument[] = []
    let units = 0
    for await (const document of documents) {
      if (ordinal === 0) this.#noteFirst(document)
      if (ordinal++ < file.handled) continue
      batch.push(document)
      units += document.text.length
      if (batch.length < BATCH_DOCUMENTS && units < BATCH_UNITS) continue
      await this.#hand(batch, ordinal - batch.length, { strikes: READING_STRIKES })
      batch = []
      units = 0
      await this.#ports.pause()
      this.#leaveIfDue()
    }
    await this.#hand(batch, ordinal - batch.length, {
      strikes: 0,
      failures: 0,
      status: 'embedding',
      is_parsed: READING.whole,
    })
  }

  #noteFirst({ pages, key, id }: ParsedDocument): void {
    this.#learned = {
      ...this.#learned,
      ...(pages === undefined ? {} : { pages }),
      ...(key === '' ? { document_id: id ?? this.#present().name } : {}),
    }
  }

  /** From here on it is not the parser's doing when the process dies. */
  async #hand(documents: readonly ParsedDocument[], ordinal: number, patch: FilePatch): Promise<void> {
    this.#update({ strikes: Math.max(0, this.#present().strikes - READING_STRIKES) + HANDING_STRIKES })
    const batch = { documents, ordinal, isRepeat: this.#isRepeat }
    await stageBatch(this.#store, this.#ports, this.#id, this.#context, batch, (file) => ({
      ...patch,
      handled: ordinal + documents.length,
      milliseconds: file.milliseconds + this.#spentMs(),
    }))
    this.#isRepeat = false
  }

  /** Between two batches: the job may have been cancelled, the slice be over, or the shards be behind. */
  #leaveIfDue(): void {
    const file = this.#present()
    if (this.#store.jobs.find(file.job_id)?.is_cancelled === 1) {
      this.#update({ status: 'embedding', is_parsed: READING.cancelled, strikes: 0 })
      throw new Left()
    }
    if (!this.#limits.isTimeUp() && !this.#limits.isCongested()) return
    this.#update({ strikes: 0, failures: 0 })
    throw new Left()
  }

  #failed(error: unknown): void {
    const { database, files } = this.#store
    database.transaction(() => {
      const file = files.find(this.#id)
      if (file === undefined) return
      if (error instanceof FileFault) return this.#end(error)
      this.#ports.report(error)
      const problem = asProblem(error)
      const mayPass = error instanceof UnreadableBytes || (problem !== undefined && PROBLEMS[problem.code].retryable)
      // Others fail by what they throw when the collection is deleted, and it goes with all its files.
      if (problem?.code === 'not_found' || mayPass) return this.#postpone(file, problem?.retryAfterSeconds)
      return this.#end(
        problem === undefined ? new FileFault('malformed_file') : { code: problem.code, message: problem.message },
      )
    })
  }

  #postpone(file: FileRow, retryAfterSeconds = 0): void {
    if (file.failures >= MAX_FAILURES) return this.#end({ code: 'overloaded', message: PROBLEMS.overloaded.title })
    const waitMs = Math.max(
      Math.min(FIRST_RETRY_MS * 2 ** Math.min(file.failures, 16), MAX_RETRY_MS),
      retryAfterSeconds * 1_000,
    )
    this.#update({ strikes: 0, failures: file.failures + 1, not_before_ms: this.#ports.clock() + waitMs })
  }

  /** What it made so far stays, and is waited for. */
  #end({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#update({
      status: 'embedding',
      is_parsed: READING.fault,
      strikes: 0,
      failures: 0,
      code,
      detail: message,
      milliseconds: this.#present().milliseconds + this.#spentMs(),
    })
  }

  #spentMs(): number {
    const now = this.#ports.clock()
    const spent = Math.max(0, now - this.#lastMs)
    this.#lastMs = now
    return spent
  }

  #present(): FileRow {
    const file = this.#store.files.find(this.#id)
    if (file === undefined) throw new FileGone()
    return file
  }

  #update(patch: FilePatch): void {
    if (this.#store.files.find(this.#id) === undefined) throw new FileGone()
    this.#store.database.transaction(() => this.#store.files.update(this.#id, { ...this.#learned, ...patch }))
    this.#learned = {}
  }
}

/** Another pass: nothing of it is counted yet. What the one before made is taken over, or deleted at the end. */
export const startOver = ({ pass }: FileRow): FilePatch => ({
  pass: pass + 1,
  handled: 0,
  is_parsed: READING.open,
  documents: 0,
  waiting: 0,
  failed_documents: 0,
  repeated: 0,
  chunks: 0,
  waiting_chunks: 0,
  embedded_chunks: 0,
  ready_chunks: 0,
  reused_chunks: 0,
})

/** The job id under which a file's documents lie in shards. */
export const workOf = ({ job_id, number }: FileRow): string => workIdOf(job_id, number)
