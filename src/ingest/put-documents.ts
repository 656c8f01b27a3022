/**
 * Upserting documents. Small requests are searchable when they are answered; big ones, and those whose caller prefers it,
 * become a job whose documents lie durably in their shards before it is acknowledged.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { Faults } from '../core/faults.ts'
import { invariant } from '../core/invariant.ts'
import { MAX_SYNC_CHUNKS } from '../core/limits.ts'
import { Problem, asProblem, type ProblemCode } from '../core/problem.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import { vectorSpace } from '../models/vector-space.ts'
import { shardOf } from '../shard/placement.ts'
import { checkVectors } from './caller-vectors.ts'
import { DocumentWriter } from './document-writer.ts'
import { writeContext, writeQuota, type Caller, type IngestDependencies } from './ingest-dependencies.ts'
import { estimateWrite } from './estimate-write.ts'
import { leaveToJob } from './leave-to-job.ts'
import { asIfChosen, isModelOpen, withModelChosen } from './model-choice.ts'
import type {
  DocumentInput,
  DocumentResult,
  PutDocumentsRequest,
  PutOutcome,
  WriteEstimate,
  WritePreference,
} from './put-request.ts'
import { acceptDocument, type AcceptedDocument } from './source-document.ts'
import type { WriteItem } from './write-item.ts'

/** A caller who asks to wait longer than this gets a job then. */
const MAX_WAIT_SECONDS = 60
/** With more chunks to embed nobody waits: no provider makes that many in time, and a commit carries all of a document's. */
const MAX_WAIT_CHUNKS = 4_096

export interface PutOptions {
  readonly prefer: WritePreference
  /** The `If-Match` header; only for a request of one document. */
  readonly ifMatch?: string
  /** The same when a request is run again after a crash: its job, if there has to be one, is then the same too. */
  readonly operationId?: string
}

/**
 * Writes the documents of a request.
 * @throws invalid_request, dimension_mismatch, precondition_failed, not_found; what the model's provider throws, if no
 * document at all could be written
 */
export async function putDocuments(
  deps: IngestDependencies,
  addressed: CollectionRecord,
  principal: Caller,
  request: PutDocumentsRequest,
  { prefer, ifMatch, operationId }: PutOptions,
): Promise<PutOutcome> {
  const startedMs = deps.clock()
  const { documents } = request
  checkAgainstCollection(documents, addressed, ifMatch)
  const { collection, accepted } = await acceptInto(deps, addressed, request)
  const items = await Promise.all(
    accepted.map(async (document): Promise<WriteItem> => {
      const shard = await shardOf(document.source.id, collection.generation.shards)
      return { document, shard, attempts: 0, ...(ifMatch === undefined ? {} : { ifMatch }) }
    }),
  )
  // What is only tried out in a collection whose model is open may find that another was chosen meanwhile.
  const space = isModelOpen(collection) ? {} : { space: vectorSpace(collection.generation.model.profile) }
  const quota = request.dryRun === true ? undefined : writeQuota(deps, collection, principal)
  const writer = new DocumentWriter(deps, collection, { ...writeContext(principal), ...space }, quota)
  try {
    if (request.dryRun === true) return { kind: 'estimate', estimate: await tryOut(writer, items, collection) }
    return await write(deps, collection, principal.keyId, writer, items, { prefer, startedMs, operationId })
  } catch (error) {
    await writer.release(items)
    throw error
  } finally {
    await writer.finish()
  }
}

/** Goes as far as a write goes before it spends anything, and gives its places in the order back. */
async function tryOut(
  writer: DocumentWriter,
  items: readonly WriteItem[],
  collection: CollectionRecord,
): Promise<WriteEstimate> {
  await writer.begin(items)
  throwIfPrecondition(items)
  await writer.release(items)
  return estimateWrite(items, collection)
}

async function write(
  deps: IngestDependencies,
  collection: CollectionRecord,
  keyId: string,
  writer: DocumentWriter,
  items: readonly WriteItem[],
  {
    prefer,
    startedMs,
    operationId,
  }: Pick<PutOptions, 'prefer'> & {
    readonly startedMs: number
    readonly operationId: string | undefined
  },
): Promise<PutOutcome> {
  await writer.begin(items)
  throwIfPrecondition(items)
  throwIfAllRefused(items, writer)
  const waitMs = Math.min(prefer.waitSeconds ?? 0, MAX_WAIT_SECONDS) * 1000
  const hasDeadline = prefer.waitSeconds !== undefined
  const missing = writer.missing(items).size
  const isSmall = missing <= MAX_SYNC_CHUNKS
  if (hasDeadline ? waitMs > 0 && missing <= MAX_WAIT_CHUNKS : isSmall && !prefer.respondAsync) {
    await writer.write(items, () => hasDeadline && deps.clock() - startedMs >= waitMs)
    throwIfPrecondition(items)
    throwIfAllRefused(items, writer)
    const results = items.flatMap((item) => item.result ?? [])
    if (results.length === items.length) return { kind: 'done', results: throwIfNothingDone(results, writer) }
  }
  return { kind: 'job', jobId: await leaveToJob(deps.jobs, collection, writer, items, { keyId, operationId }) }
}

function checkAgainstCollection(
  documents: readonly DocumentInput[],
  { generation }: CollectionRecord,
  ifMatch: string | undefined,
): void {
  const faults = new Faults()
  const { profileId, dimensions, model } = generation
  const taken = { isOwn: profileId === BRING_YOUR_OWN, dimensions, named: namedVectorsOf(model) }
  if (ifMatch !== undefined && documents.length > 1) {
    faults.add('/documents', 'must be one document beside If-Match')
  }
  for (const [index, document] of documents.entries()) checkVectors(document, taken, `/documents/${index}`, faults)
  faults.throwIfAny()
}

/** Where the choice of a model is open, good documents make it; hashes tell of the model, so they are made again. */
async function acceptInto(
  deps: IngestDependencies,
  addressed: CollectionRecord,
  { documents, dryRun }: PutDocumentsRequest,
): Promise<{ readonly collection: CollectionRecord; readonly accepted: readonly AcceptedDocument[] }> {
  const accepted = await acceptAll(documents, addressed)
  if (!isModelOpen(addressed)) return { collection: addressed, accepted }
  const texts = accepted.map(({ source }) => source)
  const collection = dryRun === true ? asIfChosen(addressed, texts) : await withModelChosen(deps, addressed, texts)
  return { collection, accepted: await acceptAll(documents, collection) }
}

/** Normalises all, and lists every document that turns out to hold nothing. */
async function acceptAll(
  documents: readonly DocumentInput[],
  collection: CollectionRecord,
): Promise<AcceptedDocument[]> {
  const faults = new Faults()
  const accepted: AcceptedDocument[] = []
  for (const [index, input] of documents.entries()) {
    try {
      accepted.push(await acceptDocument(input, collection, `/documents/${index}`))
    } catch (error) {
      const problem = asProblem(error)
      if (problem?.errors === undefined) throw error
      for (const { pointer, detail } of problem.errors) faults.add(pointer, detail, problem.code)
    }
  }
  faults.throwIfAny()
  return accepted
}

/** `If-Match` stands for the whole request: it is refused for more than one document. */
function throwIfPrecondition([item]: readonly WriteItem[]): void {
  if (item?.result?.error?.code === 'precondition_failed') throw new Problem('precondition_failed')
}

/** A provider that is down fails the whole request only if nothing was written: then a plain repeat is all it takes. */
function throwIfNothingDone(results: readonly DocumentResult[], writer: DocumentWriter): readonly DocumentResult[] {
  const failure = writer.embeddingFailure
  if (failure === undefined || results.some(({ status }) => status !== 'failed')) return results
  invariant(results.length > 0, 'a request has documents')
  throw failure
}

/**
 * A request of which nothing found room in the tenant's quotas is refused as a whole: 403 for stored ones alone, else 429,
 * because a repetition succeeds once the month or day is over.
 */
function throwIfAllRefused(items: readonly WriteItem[], { quotaRefusal }: DocumentWriter): void {
  if (quotaRefusal !== undefined && items.every(({ result }) => isRefusal(result?.error?.code))) throw quotaRefusal
}

const isRefusal = (code: ProblemCode | undefined): boolean =>
  code === 'quota_exceeded' || code === 'monthly_quota_exceeded' || code === 'budget_exceeded'
