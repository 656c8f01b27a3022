/** Ingest and search over the real parts of shards on `node:sqlite`, with every answer cloned as RPC would. */
import type { CollectionRecord } from '../../src/catalog/records.ts'
import type { Caller, IngestDependencies } from '../../src/ingest/ingest-dependencies.ts'
import { putDocuments } from '../../src/ingest/put-documents.ts'
import { parsePutRequest } from '../../src/ingest/validate-document.ts'
import { findProfile } from '../../src/models/profiles.ts'
import { search, type SearchDependencies } from '../../src/search/search.ts'
import type { Hit, SearchRequest } from '../../src/search/search-request.ts'
import type { ShardApi } from '../../src/shard/shard-api.ts'
import { Sealer } from '../../src/tenancy/sealing.ts'
import { SECRET, collectionRecord } from '../unit/search/fake-shards.ts'
import { NodeShard, SETUP } from './node-shard.ts'
import { DIMENSIONS, toyVector } from './shard-documents.ts'
import { productModel } from '../../src/models/product-models.ts'
import type { EmbeddingModel } from '../../src/models/model.ts'

/** A secret key without a filter. */
export const KEY = { kind: 'secret', keyId: 'key1' } as const
const NOW = { prefer: { respondAsync: false } }

type UsedShard = ReturnType<IngestDependencies['placement']['forWrite']> &
  ReturnType<SearchDependencies['placement']['forRead']> &
  Pick<ShardApi, 'statistics' | 'listDocuments'>

function rpcOf({ writes, reads, searcher }: NodeShard): UsedShard {
  const over = <T>(work: () => T): Promise<T> => Promise.resolve().then(() => structuredClone(work()))
  return {
    begin: (items, context) => over(() => writes.begin(items, context)),
    commit: (document, context) => over(() => writes.commit(structuredClone(document), context)),
    release: (tickets) => over(() => writes.release(tickets)),
    stage: (request, context) => over(() => writes.stage(request, context)),
    deleteDocuments: (selection, context) => writes.delete(selection, context, () => Promise.resolve()),
    flushChanges: () => over(() => 0),
    cancelJob: (jobId) => over(() => writes.cancelJob(jobId)),
    latestSource: (id, visibility) => over(() => reads.latestSource(id, visibility)),
    document: (id, options) => over(() => reads.document(id, options)),
    keywordStatistics: (words) => over(() => searcher.keywordStatistics(words)),
    search: (request) => over(() => searcher.search(structuredClone(request))),
    fetch: (request) => over(() => searcher.fetch(request)),
    facets: (fields, ids) => over(() => searcher.facets(fields, ids)),
    statistics: (visibility) => over(() => reads.statistics(visibility)),
    listDocuments: (options) => over(() => reads.list(options)),
  }
}

const embedder = {
  embed: (texts: readonly string[]) => Promise.resolve(texts.map(toyVector)),
  profile: findProfile('edge-en'),
} as never

/** One collection over shards in memory. */
/** No search through real shards reranks. */
const unused = (): never => {
  throw new Error('nothing here reranks')
}

export class World {
  readonly collection: CollectionRecord
  readonly #shards: UsedShard[]
  readonly searching: SearchDependencies
  readonly ingesting: IngestDependencies

  constructor(shards: number, profileId = 'edge-en') {
    const base = collectionRecord('docs', shards)
    const { profile, ...model } = productModel(profileId, DIMENSIONS) as EmbeddingModel
    this.collection = {
      ...base,
      generation: {
        ...base.generation,
        // As short as the toy's vectors are.
        model: { ...model, profile: { ...profile, dimensions: DIMENSIONS } },
        profileId,
        dimensions: DIMENSIONS,
      },
    }
    this.#shards = Array.from({ length: shards }, (_, shard) =>
      rpcOf(
        new NodeShard({ setup: { ...SETUP, shard, profileId, precision: profileId === 'edge-en' ? 'int8' : 'f32' } }),
      ),
    )
    const placement = {
      forRead: (_: unknown, shard: number) => this.#shards[shard] as never,
      forWrite: (_: unknown, shard: number) => this.#shards[shard] as never,
    }
    const sealer = new Sealer('5a'.repeat(32))
    this.searching = {
      placement,
      models: { queryEmbedder: () => embedder, reranker: unused },
      modelNames: { find: unused },
      sealer,
      clock: () => 0,
    }
    this.ingesting = {
      placement,
      models: {
        passageEmbedder: () => embedder,
        countTokens: () => Promise.resolve((text: string) => text.split(/\s+/).filter(Boolean).length),
      },
      sealer,
      clock: () => 0,
      allowances: { forWrite: () => undefined },
      jobs: {} as never,
      collections: {} as never,
    }
  }

  /** Answers id, status and version of each document. */
  async put(documents: unknown[], caller: Caller = KEY): Promise<unknown[]> {
    const request = parsePutRequest({ documents })
    const outcome = await putDocuments(this.ingesting, this.collection, caller, request, NOW)
    return outcome.kind === 'done' ? outcome.results.map(({ id, status, version }) => [id, status, version]) : []
  }

  async hits(request: SearchRequest): Promise<readonly Hit[]> {
    return (await search(this.searching, [this.collection], SECRET, request)).hits
  }
}
