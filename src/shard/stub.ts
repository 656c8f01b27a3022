/**
 * A shard as callers see it: the RPC stub with its errors made into problems. Each call takes a stub of its own, because a
 * stub that threw may be broken for good. Reads are repeated where the platform says that it helps; writes are left to
 * the caller, who may repeat every one of them, and an overloaded shard is never asked again.
 */
import { asProblem, Problem } from '../core/problem.ts'
import type { ShardApi } from './shard-api.ts'

const READ_ATTEMPTS = 3
const FIRST_RETRY_MS = 50

/** What travels over RPC: on a stub the name `fetch` belongs to HTTP. */
export interface ShardRpc extends Omit<ShardApi, 'fetch'> {
  fetchChunks: ShardApi['fetch']
}

type ShardCall<T> = (shard: ShardRpc) => Promise<T>

/** `connect` makes a fresh stub. */
export function shardStub(connect: () => Promise<ShardRpc>): ShardApi {
  const write = async <T>(call: ShardCall<T>): Promise<T> => attempt(connect, call, 1)
  const read = async <T>(call: ShardCall<T>): Promise<T> => attempt(connect, call, READ_ATTEMPTS)
  return {
    initialise: async (setup) => read((shard) => shard.initialise(setup)),
    erase: async () => read((shard) => shard.erase()),
    begin: async (items, context) => read((shard) => shard.begin(items, context)),
    commit: async (document, context) => write((shard) => shard.commit(document, context)),
    release: async (tickets) => write((shard) => shard.release(tickets)),
    stage: async (request, context) => write((shard) => shard.stage(request, context)),
    deleteDocuments: async (selection, context) => write((shard) => shard.deleteDocuments(selection, context)),
    jobCounts: async (jobIds) => read((shard) => shard.jobCounts(jobIds)),
    workItems: async (jobId, ids) => read((shard) => shard.workItems(jobId, ids)),
    embeddingProgress: async (jobIds) => read((shard) => shard.embeddingProgress(jobIds)),
    flushFileChanges: async () => read((shard) => shard.flushFileChanges()),
    cancelJob: async (jobId) => read((shard) => shard.cancelJob(jobId)),
    document: async (id, options) => read((shard) => shard.document(id, options)),
    latestSource: async (id, visibility) => read((shard) => shard.latestSource(id, visibility)),
    listDocuments: async (options) => read((shard) => shard.listDocuments(options)),
    statistics: async (visibility) => read((shard) => shard.statistics(visibility)),
    keywordStatistics: async (words) => read((shard) => shard.keywordStatistics(words)),
    search: async (request) => read((shard) => shard.search(request)),
    fetch: async (request) => read((shard) => shard.fetchChunks(request)),
    facets: async (fields, documentIds) => read((shard) => shard.facets(fields, documentIds)),
    flushChanges: async () => read((shard) => shard.flushChanges()),
    exportDocuments: async (options) => read((shard) => shard.exportDocuments(options)),
    importDocuments: async (documents, context) => write((shard) => shard.importDocuments(documents, context)),
    stateHash: async () => read((shard) => shard.stateHash()),
  }
}

async function attempt<T>(connect: () => Promise<ShardRpc>, call: ShardCall<T>, attempts: number): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await call(await connect())
    } catch (error) {
      const { retryable = false, overloaded = false } = error as { retryable?: boolean; overloaded?: boolean }
      const problem = asProblem(error)
      if (problem !== undefined) throw problem
      if (overloaded) throw busy()
      if (!retryable) throw error
      if (number >= attempts) throw busy()
      await new Promise((resolve) => setTimeout(resolve, FIRST_RETRY_MS * 2 ** number))
    }
  }
}

const busy = (): Problem => new Problem('overloaded', undefined, { retryAfterSeconds: 1 })
