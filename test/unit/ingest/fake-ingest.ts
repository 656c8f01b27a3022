/**
 * Shards as maps for testing the ingest use-cases: versions, tickets, known vectors, jobs, and faults on demand. The rules
 * are those of `ShardApi`; the store is not.
 */
import { jobKey } from '../../../src/catalog/job-key.ts'
import { jobStatusOf } from '../../../src/catalog/job-outcome.ts'
import { isSettled, type CollectionRecord, type JobCounters, type JobRecord } from '../../../src/catalog/records.ts'
import { compareUtf8 } from '../../../src/core/bytes.ts'
import { Problem } from '../../../src/core/problem.ts'
import type { IngestDependencies, ReadShard, WriteShard } from '../../../src/ingest/ingest-dependencies.ts'
import type { JobDependencies } from '../../../src/ingest/jobs.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import { shardOf } from '../../../src/shard/placement.ts'
import type {
  BeginItem,
  BeginResult,
  CommitResult,
  JobCounts,
  PreparedDocument,
  StageRequest,
  StageResult,
  StoredDocument,
  Ticket,
  WriteContext,
} from '../../../src/shard/shard-api.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { FakeFiles } from '../../support/fake-files.ts'
import { productModel } from '../../../src/models/product-models.ts'

interface Applied {
  readonly prepared: PreparedDocument
  readonly vectors: ReadonlyMap<string, Float32Array>
}

export const etagOf = (version: number): string => `"${version}"`

export class FakeShard implements WriteShard, ReadShard {
  readonly applied = new Map<string, Applied>()
  readonly versions = new Map<string, number>()
  readonly staged: StageRequest[] = []
  readonly commits: PreparedDocument[] = []
  readonly cancelled: string[] = []
  epoch = 'one'
  #sequence = 0
  /** Called before each commit and stage; may throw or change the epoch. */
  beforeWrite: () => void = () => {}
  full = false
  /** Chunks that a document may have. */
  room = Infinity

  #etag(id: string): string | undefined {
    const current = this.applied.get(id)
    return current && etagOf(current.prepared.ticket.version)
  }

  begin(items: readonly BeginItem[], context: WriteContext): Promise<BeginResult[]> {
    return Promise.resolve(
      items.map((item): BeginResult => {
        const current = this.applied.get(item.id)
        const filter = context.filter
        const versions = [item, ...(current === undefined ? [] : [current.prepared.source])]
        if (filter !== undefined && !versions.every((version) => matches(filter, version))) {
          return { status: 'refused', code: 'outside_filter' }
        }
        const etag = this.#etag(item.id)
        if (item.ifMatch !== undefined && item.ifMatch !== etag && !(item.ifMatch === '*' && etag !== undefined)) {
          return { status: 'refused', code: 'precondition_failed' }
        }
        if (current?.prepared.source.contentHash === item.contentHash) {
          const { ticket, chunks } = current.prepared
          return { status: 'unchanged', version: ticket.version, chunks: chunks.length }
        }
        const version = (this.versions.get(item.id) ?? 0) + 1
        this.versions.set(item.id, version)
        const ticket = { epoch: this.epoch, sequence: ++this.#sequence, version }
        const size = current && {
          chunks: current.prepared.chunks.length,
          bytes: current.prepared.source.text.length,
          tokens: 0,
        }
        const knownVectorKeys = [...(current?.vectors.keys() ?? [])]
        return { status: 'accepted', ticket, knownVectorKeys, room: this.room, ...(size && { current: size }) }
      }),
    )
  }

  commit(document: PreparedDocument): Promise<CommitResult> {
    return Promise.resolve().then((): CommitResult => {
      this.beforeWrite()
      const { source, chunks, ticket } = document
      if (ticket.epoch !== this.epoch) return { status: 'retry' }
      if (this.full) return { status: 'failed', code: 'shard_full', detail: 'full' }
      const old = this.applied.get(source.id)
      const vectors = new Map<string, Float32Array>()
      for (const { vector, vectorKey, withoutVector } of chunks) {
        const found = vector ?? old?.vectors.get(vectorKey)
        if (withoutVector) continue
        if (found === undefined) return { status: 'retry' }
        vectors.set(vectorKey, found)
      }
      this.commits.push(document)
      this.applied.set(source.id, { prepared: document, vectors })
      const status = old === undefined ? 'created' : 'replaced'
      return { status, version: ticket.version, chunks: chunks.length, sequence: ticket.sequence }
    })
  }

  readonly released: Ticket[] = []

  release(tickets: readonly Ticket[]): Promise<void> {
    this.released.push(...tickets)
    return Promise.resolve()
  }

  stage(request: StageRequest): Promise<StageResult> {
    return Promise.resolve().then((): StageResult => {
      this.beforeWrite()
      if (request.documents.some(({ ticket }) => ticket.epoch !== this.epoch)) return { status: 'retry' }
      this.staged.push(request)
      return { status: 'staged' }
    })
  }

  deleteDocuments(
    selection: Parameters<WriteShard['deleteDocuments']>[0],
    context: Parameters<WriteShard['deleteDocuments']>[1],
  ): Promise<{ deleted: number; sequence: number }> {
    let deleted = 0
    for (const [id, { prepared }] of this.applied) {
      const { visibility } = context
      if (visibility !== undefined && !matches(visibility, prepared.source)) continue
      if ('ids' in selection ? !selection.ids.includes(id) : !matches(selection.filter, prepared.source)) continue
      if (context.ifMatch !== undefined && context.ifMatch !== this.#etag(id)) throw new Problem('precondition_failed')
      this.applied.delete(id)
      deleted++
    }
    return Promise.resolve({ deleted, sequence: ++this.#sequence })
  }

  flushChanges(): Promise<number> {
    return Promise.resolve(this.#sequence)
  }

  cancelJob(jobId: string): Promise<void> {
    this.cancelled.push(jobId)
    return Promise.resolve()
  }

  counts: JobCounts | undefined

  /** The ids of each call. */
  readonly counted: (readonly string[])[] = []

  jobCounts(jobIds: readonly string[]): Promise<Record<string, JobCounts>> {
    this.counted.push(jobIds)
    const { counts } = this
    return Promise.resolve(counts === undefined ? {} : Object.fromEntries(jobIds.map((id) => [id, counts])))
  }

  latestSource(id: string, visibility?: Parameters<ReadShard['document']>[1]['visibility']) {
    const current = this.applied.get(id)
    const isVisible = current && (visibility === undefined || matches(visibility, current.prepared.source))
    return Promise.resolve(isVisible ? { source: current.prepared.source, etag: this.#etag(id) ?? '' } : undefined)
  }

  document(id: string, options: Parameters<ReadShard['document']>[1]): Promise<StoredDocument | undefined> {
    const current = this.applied.get(id)
    const { visibility } = options
    if (current === undefined || (visibility && !matches(visibility, current.prepared.source))) {
      return Promise.resolve(undefined)
    }
    return Promise.resolve(this.#stored(current, options.include.includes('vectors')))
  }

  listDocuments(options: Parameters<ReadShard['listDocuments']>[0]): Promise<StoredDocument[]> {
    const { after, visibility, limit } = options
    const documents = [...this.applied.values()]
      .filter(({ prepared }) => after === undefined || compareUtf8(prepared.source.id, after) > 0)
      .filter(({ prepared }) => visibility === undefined || matches(visibility, prepared.source))
      .map((current) => this.#stored(current, false))
    return Promise.resolve(documents.sort((a, b) => compareUtf8(a.id, b.id)).slice(0, limit))
  }

  statistics(visibility?: Parameters<ReadShard['statistics']>[0]) {
    const sources = [...this.applied.values()].map(({ prepared }) => prepared.source)
    const documents = sources.filter((source) => visibility === undefined || matches(visibility, source)).length
    return Promise.resolve({ documents, chunks: 2 * documents, bytes: 3, pending: 1, sequence: 9 })
  }

  #stored({ prepared, vectors }: Applied, withVectors: boolean): StoredDocument {
    const { source, chunks, ticket } = prepared
    return {
      ...source,
      language: source.language ?? 'auto',
      version: ticket.version,
      status: 'indexed',
      chunkCount: chunks.length,
      bytes: source.text.length,
      etag: etagOf(ticket.version),
      createdAtMs: 0,
      updatedAtMs: 0,
      ...(withVectors ? { vectors: chunks.map(({ vectorKey }) => vectors.get(vectorKey)) } : {}),
    }
  }
}

export function collectionRecord(shards = 1, profileId = 'edge-en', dimensions = 4): CollectionRecord {
  return {
    id: 'col_1',
    tenantUid: 'ten_1',
    name: 'docs',
    placementEpoch: 1,
    language: 'auto',
    settings: {},
    generation: {
      id: 'gen_1',
      model: productModel(profileId, dimensions),
      profileId,
      dimensions,
      chunking: { strategy: 'recursive', size: 20, overlap: 0 },
      shards,
      precision: 'int8',
    },
    createdAtMs: 0,
    updatedAtMs: 0,
  } as unknown as CollectionRecord
}

/** Everything that ingest needs, in memory. One token a word; vectors tell which passage they were made from. */
export class FakeIngest {
  readonly collection: CollectionRecord
  readonly shards: FakeShard[]
  /** All share the shards. */
  readonly collections: CollectionRecord[]
  readonly calls: string[][] = []
  readonly jobs = new Map<string, JobRecord>()
  readonly files = new FakeFiles()
  readonly #reported = new Map<string, Map<number, JobCounters>>()
  nowMs = 1_000_000
  /** Called before each call of the embedder; may throw. */
  beforeEmbed: () => void = () => {}

  constructor(collection: CollectionRecord = collectionRecord()) {
    this.collection = collection
    this.collections = [collection]
    this.shards = Array.from({ length: collection.generation.shards }, () => new FakeShard())
  }

  get embedded(): string[] {
    return this.calls.flat()
  }

  async shardOf(id: string): Promise<FakeShard> {
    return this.shards[await shardOf(id, this.shards.length)] as FakeShard
  }

  readonly deps: IngestDependencies & Pick<JobDependencies, 'files'> = {
    files: this.files,
    placement: {
      forWrite: (_, shard) => this.shards[shard] as FakeShard,
      forRead: (_, shard) => this.shards[shard] as FakeShard,
    },
    models: {
      countTokens: () => Promise.resolve((text: string) => text.split(/\s+/).filter(Boolean).length),
      passageEmbedder: () =>
        ({
          embed: async (texts: readonly string[]) => {
            // A model takes longer than anything else here: all commits under way are done first.
            await new Promise((done) => setTimeout(done, 0))
            this.beforeEmbed()
            this.calls.push([...texts])
            return texts.map((text) => Float32Array.of(text.length, 1, 2, 3))
          },
        }) as never,
    },
    jobs: {
      create: (job) => {
        const existing = this.jobs.get(job.id)
        if (existing !== undefined) return Promise.resolve(existing)
        const record: JobRecord = {
          kind: 'documents',
          ...job,
          status: 'queued',
          succeeded: 0,
          failed: 0,
          cancelled: 0,
          createdAtMs: this.nowMs,
          updatedAtMs: this.nowMs,
        }
        this.jobs.set(job.id, record)
        return Promise.resolve(record)
      },
      find: (_, id) => Promise.resolve(this.jobs.get(id)),
      list: (_, { limit, after, collectionIds }) => {
        const all = [...this.jobs.values()]
          .filter(({ collectionId }) => collectionIds?.includes(collectionId) ?? true)
          .reverse()
        const start = after === undefined ? 0 : all.findIndex((job) => jobKey(job) === after) + 1
        const data = all.slice(start, start + limit)
        const last = data.at(-1)
        return Promise.resolve(start + limit < all.length && last ? { data, nextAfter: jobKey(last) } : { data })
      },
      reportProgress: (_, id, shard, { succeeded, failed, cancelled }, atMs) => {
        const job = this.jobs.get(id)
        if (job === undefined) return Promise.resolve()
        const parts = this.#reported.get(id) ?? new Map<number, JobCounters>()
        this.#reported.set(id, parts.set(shard, { succeeded, failed, cancelled }))
        const sum = { succeeded: 0, failed: 0, cancelled: 0 }
        for (const part of parts.values()) {
          sum.succeeded += part.succeeded
          sum.failed += part.failed
          sum.cancelled += part.cancelled
        }
        const status = jobStatusOf(sum, job.total)
        const updatedAtMs = Math.max(job.updatedAtMs, atMs ?? this.nowMs)
        const end = isSettled(status) ? { finishedAtMs: updatedAtMs } : {}
        this.jobs.set(id, { ...job, ...sum, updatedAtMs, status, ...end })
        return Promise.resolve()
      },
      cancelRest: (_, id) => {
        const job = this.jobs.get(id)
        if (job === undefined) return Promise.resolve()
        const cancelled = job.total - job.succeeded - job.failed
        this.jobs.set(id, { ...job, cancelled, status: 'cancelled', finishedAtMs: this.nowMs })
        return Promise.resolve()
      },
      settle: (_, id, status, finishedAtMs = this.nowMs) => {
        const job = this.jobs.get(id)
        const isOpen = job !== undefined && !isSettled(job.status)
        if (isOpen) this.jobs.set(id, { ...job, status, finishedAtMs })
        return Promise.resolve(isOpen)
      },
      remove: (_, id) => {
        this.jobs.delete(id)
        return Promise.resolve()
      },
    },
    collections: {
      find: (_, reference) => Promise.resolve(this.collections.find(({ id }) => id === reference)),
      chooseModel: (_, reference) => Promise.resolve(this.collections.find(({ id }) => id === reference)),
      list: (_, { only }) =>
        Promise.resolve({
          data: this.collections.filter(({ name }) => only?.every((list) => list.includes(name)) ?? true),
        }),
    },
    sealer: new Sealer('5a'.repeat(32)),
    allowances: { forWrite: () => undefined },
    clock: () => this.nowMs,
  }
}

export async function problemOf(work: Promise<unknown> | (() => unknown)): Promise<Problem> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
