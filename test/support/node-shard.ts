/**
 * A shard on plain Node: the same parts that the Durable Object ties together, over `node:sqlite`, with a clock that
 * stands still, a toy embedder and ways to fail. `restart` is what a killed object's next start does.
 */
import { ResidentMemory } from '../../src/core/resident-memory.ts'
import type { SqlDatabase, SqlValue } from '../../src/core/sql-database.ts'
import type { ChangeReport } from '../../src/core/usage.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { MIGRATIONS } from '../../src/shard/migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import type { ShardProjection } from '../../src/shard/projection.ts'
import { ShardAlarm } from '../../src/shard/shard-alarm.ts'
import type {
  BeginResult,
  CommitResult,
  ShardSetup,
  SourceDocument,
  StagedDocument,
  Ticket,
  WriteContext,
} from '../../src/shard/shard-api.ts'
import { ShardReads } from '../../src/shard/shard-reads.ts'
import { ShardSearch } from '../../src/shard/shard-search.ts'
import { ShardState } from '../../src/shard/shard-state.ts'
import { ShardTransfer } from '../../src/shard/shard-transfer.ts'
import { ShardWrites } from '../../src/shard/shard-writes.ts'

import { CONTEXT, DIMENSIONS, type DraftDocument, makeChunks, makeSource, toyVector } from './shard-documents.ts'

export const SETUP: ShardSetup = {
  tenantUid: 'ten_test',
  collectionId: 'col_test',
  placementEpoch: 1,
  generation: 'gen_test',
  shard: 0,
  profileId: 'toy',
  dimensions: DIMENSIONS,
  precision: 'f32',
}

/** Passes everything through until told to fail at a statement, as a full disk or a kill would. */
class FailingDatabase implements SqlDatabase {
  readonly #inner: SqlDatabase
  #remaining = Infinity

  constructor(inner: SqlDatabase) {
    this.#inner = inner
  }

  failAfter(statements: number): void {
    this.#remaining = statements
  }

  run(statement: string, ...parameters: SqlValue[]): void {
    this.#count()
    this.#inner.run(statement, ...parameters)
  }

  all<Row extends object>(statement: string, ...parameters: SqlValue[]): Row[] {
    this.#count()
    return this.#inner.all<Row>(statement, ...parameters)
  }

  get<Row extends object>(statement: string, ...parameters: SqlValue[]): Row | undefined {
    this.#count()
    return this.#inner.get<Row>(statement, ...parameters)
  }

  transaction<T>(work: () => T extends PromiseLike<unknown> ? never : T): T {
    return this.#inner.transaction(work)
  }

  #count(): void {
    if (this.#remaining-- <= 0) throw new Error('the disk is gone')
  }
}

export interface NodeShardOptions {
  readonly database?: NodeSqlDatabase
  readonly setup?: ShardSetup
  readonly memory?: ResidentMemory
}

export class NodeShard {
  readonly database: NodeSqlDatabase
  readonly memory: ResidentMemory
  readonly projections: ShardProjection[] = []
  readonly reports: unknown[] = []
  /** Every call of the embedder, in order. */
  readonly embedded: string[][] = []
  nowMs = 1_800_000_000_000
  /** Thrown by the embedder while set. */
  embedderFault: Error | undefined
  projectFault: Error | undefined
  reportFault: Error | undefined
  /** What the tenant's object was told, in order, and how it answers: with the last position that it heard of. */
  readonly reportedChanges: ChangeReport[] = []
  receive: (report: ChangeReport) => number = (report) => {
    this.reportedChanges.push(report)
    return report.changes.at(-1)?.position ?? report.after
  }
  /** What the files object was told. */
  readonly reportedFileChanges: ChangeReport[] = []
  receiveFiles: (report: ChangeReport) => number | Promise<number> = (report) => {
    this.reportedFileChanges.push(report)
    return report.changes.at(-1)?.position ?? report.after
  }
  /** What the embedder refuses certain texts with. */
  refuse: (texts: readonly string[]) => Error | undefined = () => undefined
  /** Runs at the start of every call of the embedder. */
  whileEmbedding: () => void | Promise<void> = () => undefined
  state!: ShardState
  writes!: ShardWrites
  reads!: ShardReads
  searcher!: ShardSearch
  alarm!: ShardAlarm
  transfer!: ShardTransfer
  readonly #failing: FailingDatabase
  readonly #setup: ShardSetup

  constructor(options: NodeShardOptions = {}) {
    this.database = options.database ?? new NodeSqlDatabase()
    this.memory = options.memory ?? new ResidentMemory(96_000_000)
    this.#failing = new FailingDatabase(this.database)
    this.#setup = options.setup ?? SETUP
    applyMigrations(this.database, MIGRATIONS)
    this.restart()
  }

  restart(): void {
    this.#failing.failAfter(Infinity)
    const clock = (): number => this.nowMs
    this.state = new ShardState(this.#failing, this.#setup, { key: 'shard/test', clock, memory: this.memory })
    this.writes = new ShardWrites(this.state)
    this.reads = new ShardReads(this.state)
    this.searcher = new ShardSearch(this.state)
    this.transfer = new ShardTransfer(this.state)
    this.alarm = new ShardAlarm(this.state, {
      clock,
      pause: async () => undefined,
      report: (_what, error) => void this.reports.push(error),
      embedPassages: async (_setup, texts) => {
        await this.whileEmbedding()
        const fault = this.embedderFault ?? this.refuse(texts)
        if (fault !== undefined) throw fault
        this.embedded.push([...texts])
        return texts.map(toyVector)
      },
      reportChanges: async (report) => {
        if (this.reportFault !== undefined) throw this.reportFault
        return this.receive(report)
      },
      reportFileChanges: async (report) => {
        if (this.reportFault !== undefined) throw this.reportFault
        return this.receiveFiles(report)
      },
      project: async (batch) => {
        if (this.projectFault !== undefined) throw this.projectFault
        this.projections.push(batch)
      },
    })
  }

  /** The statement after the next `statements` ones throws, and every later one, until `restart`. */
  failAfter(statements: number): void {
    this.#failing.failAfter(statements)
  }

  begin(source: SourceDocument, extra: { context?: WriteContext; ifMatch?: string } = {}): BeginResult {
    const { id, contentHash, metadata, acl } = source
    const ifMatch = extra.ifMatch === undefined ? {} : { ifMatch: extra.ifMatch }
    const [result] = this.writes.begin(
      [{ id, contentHash, metadata, ...(acl && { acl }), ...ifMatch }],
      extra.context ?? CONTEXT,
    )
    if (result === undefined) throw new Error('begin answers every item')
    return result
  }

  ticket(source: SourceDocument): Ticket {
    const result = this.begin(source)
    if (result.status !== 'accepted') throw new Error(`not accepted: ${result.status}`)
    return result.ticket
  }

  commit(source: SourceDocument, ticket: Ticket, context: WriteContext = CONTEXT): CommitResult {
    return this.writes.commit({ source, chunks: makeChunks(source), ticket }, context)
  }

  /** A whole synchronous write. */
  async put(draft: DraftDocument): Promise<CommitResult | BeginResult> {
    const source = await makeSource(draft)
    const begun = this.begin(source)
    return begun.status === 'accepted' ? this.commit(source, begun.ticket) : begun
  }

  /** A whole staged write; the alarm does the rest. */
  async stage(jobId: string, drafts: readonly DraftDocument[]): Promise<Ticket[]> {
    const documents: StagedDocument[] = []
    for (const draft of drafts) {
      const source = await makeSource(draft)
      documents.push({ source, chunks: makeChunks(source, () => false), ticket: this.ticket(source), reserved: {} })
    }
    const result = this.writes.stage({ jobId, documents, settled: [] }, CONTEXT)
    if (result.status !== 'staged') throw new Error('not staged')
    return documents.map(({ ticket }) => ticket)
  }

  async delete(...ids: string[]): Promise<number> {
    return (await this.writes.delete({ ids }, CONTEXT, async () => undefined)).deleted
  }

  text(id: string): string | undefined {
    return this.reads.document(id, { include: ['text'] })?.text
  }

  /** Ids of the documents that a keyword search finds, in order of the ids. */
  find(...words: string[]): string[] {
    const { candidates } = this.searcher.search({
      keyword: { words, bm25: { k1: 0.9, b: 0.4 } },
      candidates: Infinity,
      exact: false,
      profileLanguages: [],
    })
    return [...candidates.documentIds].sort()
  }
}
