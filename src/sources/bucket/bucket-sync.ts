/**
 * One step of a run over a part of the inbox: a page of its listing is compared with what was taken before, or one object
 * is taken. What a listing that came to its end did not show has vanished.
 */
import { utf8Length } from '../../core/bytes.ts'
import { MAX_FILE_NAME_BYTES, MAX_STREAMED_FILE_BYTES, MAX_WAITING_FILES } from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import { FILE_FAULTS, FileFault } from '../../parsing/file-fault.ts'
import type { IntakeOutcome } from '../file-intake.ts'
import type { BucketSettings } from '../source.ts'
import type { InboxObject, SourcePorts } from '../source-ports.ts'
import { Frontier } from '../state/frontier.ts'
import type { FrontierEntry } from '../state/frontier.ts'
import { KnownFiles } from '../state/known-files.ts'
import type { Run, SourceRows } from '../state/source-rows.ts'

const LIST_PAGE = 500
const MAX_ATTEMPTS = 3
const RETRY_MS = 10_000

const nameFault = (detail: string): IntakeOutcome => ({ status: 'failed', code: 'unsafe_path', detail })

export class BucketSync {
  readonly #database: SqlDatabase
  readonly #rows: SourceRows
  readonly #ports: SourcePorts

  constructor(database: SqlDatabase, rows: SourceRows, ports: SourcePorts) {
    this.#database = database
    this.#rows = rows
    this.#ports = ports
  }

  /** Compares one page of the listing; true with the last one. */
  async list(run: Run, { root, prefix }: BucketSettings): Promise<boolean> {
    const beginning = root + prefix
    const { objects, hasMore } = await this.#ports.inbox.list(beginning, run.place, LIST_PAGE)
    const own = objects.filter(({ key }) => key.startsWith(beginning))
    const last = objects.at(-1)
    const isEnd = !hasMore || last === undefined
    this.#write(run, () => {
      for (const object of own) this.#compare(run, object, object.key.slice(beginning.length))
      this.#rows.set(run.sourceId, isEnd ? { phase: 'fetching' } : { place: last.key })
    })
    return isEnd
  }

  #compare(run: Run, object: InboxObject, name: string): void {
    // What consoles make to show a folder.
    if (name === '' || name.endsWith('/')) return
    const files = new KnownFiles(this.#database, run.sourceId)
    const known = files.find(name)
    const isSame =
      known?.etag === object.etag &&
      known.modified === String(object.bytes) &&
      this.#ports.intake.holds(run.collectionId, name, known.sha256)
    if (isSame) {
      files.see(name, run.number)
      this.#rows.add(run.sourceId, 'unchanged')
      return
    }
    const frontier = new Frontier(this.#database, run.sourceId)
    const added = frontier.add(
      { address: object.key, kind: 'object', depth: 0 },
      this.#ports.clock(),
      MAX_WAITING_FILES,
    )
    if (added !== 'full') return
    if (known !== undefined) files.see(name, run.number)
    this.#rows.setGap(run.sourceId, 'limit')
  }

  /** Takes the next object. */
  async step(run: Run, { root, prefix }: BucketSettings): Promise<'again' | 'done' | { readonly waitUntilMs: number }> {
    const frontier = new Frontier(this.#database, run.sourceId)
    const entry = frontier.next()
    if (entry === undefined) return 'done'
    if (entry.dueMs > this.#ports.clock()) return { waitUntilMs: entry.dueMs }
    const name = entry.address.slice(root.length + prefix.length)
    if (entry.attempts >= MAX_ATTEMPTS) {
      this.#rows.setGap(run.sourceId, 'unreachable')
      this.#fail(run, entry, name, { status: 'failed', code: 'not_fetched', detail: 'it could not be read' })
      return 'again'
    }
    frontier.attempt(entry.number)
    try {
      await this.#take(run, entry, name)
    } catch (error) {
      if (error instanceof FileFault) {
        this.#fail(run, entry, name, { status: 'failed', code: error.code, detail: error.message })
        return 'again'
      }
      this.#ports.report(error)
      this.#write(run, () => frontier.postpone(entry.number, this.#ports.clock() + RETRY_MS * (entry.attempts + 1)))
    }
    return 'again'
  }

  async #take(run: Run, entry: FrontierEntry, name: string): Promise<void> {
    const { inbox, intake } = this.#ports
    if (utf8Length(name) > MAX_FILE_NAME_BYTES || /\p{Cc}|\p{Cs}/u.test(name) || name === '.' || name === '..') {
      this.#fail(run, entry, name.slice(0, MAX_FILE_NAME_BYTES / 4), nameFault('its key is no name of a document'))
      return
    }
    const object = await inbox.get(entry.address)
    const files = new KnownFiles(this.#database, run.sourceId)
    if (object === undefined) {
      // It is gone since it was listed; the end of the run removes what it brought.
      this.#write(run, () => new Frontier(this.#database, run.sourceId).settle(entry.number, 'done'))
      return
    }
    if (object.bytes > MAX_STREAMED_FILE_BYTES) {
      await object.body.cancel()
      throw new FileFault('file_too_large', FILE_FAULTS.file_too_large)
    }
    const stored = await intake.store(run.jobId, object.body)
    this.#write(run, () => {
      new Frontier(this.#database, run.sourceId).settle(entry.number, 'done')
      intake.add(run.jobId, { ...stored, name })
      const { etag, bytes } = object
      const { sha256 } = stored
      files.put({ name, address: entry.address, etag, modified: String(bytes), sha256, links: [], run: run.number })
      this.#rows.add(run.sourceId, 'taken')
    })
  }

  /** What was taken of it before stays. */
  #fail(run: Run, entry: FrontierEntry, name: string, outcome: IntakeOutcome): void {
    this.#write(run, () => {
      new Frontier(this.#database, run.sourceId).settle(entry.number, 'failed')
      new KnownFiles(this.#database, run.sourceId).see(name, run.number)
      this.#ports.intake.settle(run.jobId, name, outcome)
      this.#rows.add(run.sourceId, 'failed')
    })
  }

  #write(run: Run, work: () => void): void {
    this.#database.transaction((): void => {
      if (this.#rows.isCurrent(run) && this.#ports.intake.isOpen(run.jobId)) work()
    })
  }
}
