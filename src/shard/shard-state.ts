/**
 * One shard's parts over one database: tables, indexes, counters, the order of writes. It holds no rules; `shard-writes`,
 * `shard-search` and the others work on it. Made anew at each start of the object, under a resident-memory key of its own,
 * so that nothing an earlier run left in this isolate's memory is ever taken for the present.
 */
import type { Clock } from '../core/clock.ts'
import { type ResidentMemory, residentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { ExactKeywordIndex } from '../keyword/exact-keyword-index.ts'
import type { KeywordIndex } from '../keyword/keyword-index.ts'
import { ExactMetadataIndex } from '../metadata/exact-metadata-index.ts'
import type { MetadataIndex } from '../metadata/metadata-index.ts'
import { VectorLegs } from '../vector/vector-legs.ts'
import { type Change, ChangeLog } from './change-log.ts'
import { DocumentDirectory } from './document-directory.ts'
import { DocumentStore } from './document-store.ts'
import { JobItems } from './job-items.ts'
import { PendingStore } from './pending-store.ts'
import type { ShardSetup } from './shard-api.ts'
import { chooseModel, writeSetup } from './shard-setup.ts'
import { Tickets } from './tickets.ts'
import { TombstoneStore } from './tombstone-store.ts'
import type { ChosenModel } from './write-context.ts'

export interface ShardStateOptions {
  /** Names the object; unique among the objects of this isolate. */
  readonly key: string
  readonly clock: Clock
  readonly memory?: ResidentMemory
}

export class ShardState {
  readonly clock: Clock
  readonly database: SqlDatabase
  readonly documents: DocumentStore
  readonly directory: DocumentDirectory
  readonly pending: PendingStore
  readonly tombstones: TombstoneStore
  readonly log: ChangeLog
  readonly jobs: JobItems
  readonly tickets: Tickets
  readonly vectors: VectorLegs
  readonly keywords: KeywordIndex
  readonly metadata: MetadataIndex
  #setup: ShardSetup
  readonly #memory: ResidentMemory
  readonly #key: string
  #nextChunk: number
  #position: number

  /** The schema is up to date. */
  constructor(database: SqlDatabase, setup: ShardSetup, options: ShardStateOptions) {
    const memory = options.memory ?? residentMemory
    memory.deletePrefix(`${options.key}/`)
    this.database = database
    this.#setup = setup
    this.clock = options.clock
    this.documents = new DocumentStore(database)
    this.pending = new PendingStore(database, setup.vectors === undefined ? setup.dimensions : undefined)
    this.tombstones = new TombstoneStore(database)
    this.log = new ChangeLog(database)
    this.jobs = new JobItems(database)
    const { nextSequence, nextChunk } = this.log.counters()
    this.tickets = new Tickets(nextSequence, options.clock)
    this.#memory = memory
    this.#key = `${options.key}/${this.tickets.epoch}`
    const resident = { key: this.#key, memory }
    const { dimensions, precision, vectors: named } = setup
    this.directory = new DocumentDirectory(this.documents, resident)
    this.vectors = new VectorLegs(database, { ...resident, dimensions, precision, named })
    this.keywords = new ExactKeywordIndex(database, resident)
    this.metadata = new ExactMetadataIndex(database, resident)
    this.#nextChunk = nextChunk
    this.#position = this.log.position()
  }

  get setup(): ShardSetup {
    return this.#setup
  }

  /** Before a write: what the shard is from now on, where it was set up with the choice of its model open. */
  adopt(chosen: ChosenModel | undefined): void {
    if (chosen === undefined || this.#setup.isModelOpen !== true) return
    const setup = chooseModel(this.#setup, chosen)
    writeSetup(this.database, setup)
    this.#setup = setup
  }

  /** One more than the largest chunk number in use. */
  get nextChunk(): number {
    return this.#nextChunk
  }

  /** The change log's position. */
  get position(): number {
    return this.#position
  }

  /**
   * Runs `work` in one transaction; a throw rolls rows back and drops what is resident, which may be ahead of them.
   * `work` gets a writer of log entries; `after` runs once the transaction has committed.
   */
  transaction<T>(work: (writer: LogWriter) => { readonly result: T; readonly after?: () => void }): T {
    try {
      const writer = new LogWriter(this, this.#position, this.#nextChunk)
      const { result, after } = this.database.transaction(() => work(writer))
      this.#position = writer.position
      this.#nextChunk = writer.nextChunk
      after?.()
      return result
    } catch (error) {
      this.evict()
      throw error
    }
  }

  /** Forgets everything resident; the next call reads storage again. */
  evict(): void {
    this.vectors.evict()
    this.keywords.evict()
    this.metadata.evict()
    this.directory.evict()
    this.#memory.deletePrefix(`${this.#key}/`)
  }
}

/** Takes positions and chunk numbers inside one transaction; they count only once it has committed. */
export class LogWriter {
  readonly #state: ShardState
  /** Position of the transaction's first entry. */
  readonly #batch: number
  #position: number
  #nextChunk: number

  constructor(state: ShardState, position: number, nextChunk: number) {
    this.#state = state
    this.#batch = position + 1
    this.#position = position
    this.#nextChunk = nextChunk
  }

  get position(): number {
    return this.#position
  }

  get nextChunk(): number {
    return this.#nextChunk
  }

  /** The position that the next entry will have. */
  get nextPosition(): number {
    return this.#position + 1
  }

  /** Reserves consecutive chunk numbers and returns the first. */
  takeChunks(count: number): number {
    const first = this.#nextChunk
    this.#nextChunk += count
    return first
  }

  append(change: Change): void {
    this.#position++
    this.#state.log.append(
      this.#position,
      this.#batch,
      change,
      { nextSequence: this.#state.tickets.nextSequence, nextChunk: this.#nextChunk },
      this.#state.clock(),
    )
  }
}
