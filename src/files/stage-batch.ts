/**
 * Hands a few documents of a file to their shards, as pending work under the file's own job id. Everything can be repeated:
 * rows stand before anything is sent, and what a shard has already is not sent again.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { workIdOf } from '../core/ids.ts'
import { asProblem } from '../core/problem.ts'
import { DocumentWriter } from '../ingest/document-writer.ts'
import { writeQuota } from '../ingest/ingest-dependencies.ts'
import { withModelChosen } from '../ingest/model-choice.ts'
import { isOpen, type WriteItem } from '../ingest/write-item.ts'
import type { ParsedDocument } from '../parsing/parsed-document.ts'
import { shardOf } from '../shard/placement.ts'
import { asked } from '../shard/shard-call.ts'
import type { ItemStatus, WriteContext } from '../shard/shard-api.ts'
import type { TenantState } from '../tenancy/key-store.ts'
import { acceptParsed, documentIdOf } from './accept-parsed.ts'
import type { FileStore } from './file-store.ts'
import type { FileOptions, FileWriter } from './files-api.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { CountSum } from './rows/documents.ts'
import type { FilePatch, FileRow } from './rows/file-row.ts'

/** For whom a file is read, and into what. */
export interface FileContext {
  /** Replaced by what it is when the file's first documents have chosen its model. */
  collection: CollectionRecord
  readonly tenant: TenantState
  readonly writer: FileWriter
  readonly options: FileOptions
}

export interface Batch {
  readonly documents: readonly ParsedDocument[]
  /** Place of the first one in the file, from 0. */
  readonly ordinal: number
  /** Some of it may have been handed over before. */
  readonly isRepeat: boolean
}

export const contextOf = ({ keyId, filter, mayWriteAcl }: FileWriter): WriteContext => ({
  keyId,
  ...(filter === undefined ? {} : { filter }),
  allowance: { kind: 'unlimited' },
  mayWriteAcl,
})

/**
 * Notes the batch as handled in the transaction that notes its outcome. `patch` goes with it.
 * @throws problems of shards and quotas that may pass
 */
export async function stageBatch(
  store: FileStore,
  ports: PipelinePorts,
  fileId: number,
  context: FileContext,
  batch: Batch,
  patchOf: (file: FileRow) => FilePatch,
): Promise<void> {
  const claimed = claim(store, fileId, batch)
  const collection = await choosingModel(ports, context, claimed)
  const { options } = context
  const accepted = await Promise.all(
    claimed.fresh.map(async ({ document, id }) => {
      try {
        const source = await acceptParsed(document, id, options, collection, claimed.file.url ?? undefined)
        const shard = await shardOf(id, collection.generation.shards)
        const item: WriteItem = { document: { source }, shard, attempts: 0 }
        return { id, item }
      } catch (error) {
        const problem = asProblem(error)
        if (problem === undefined) throw error
        return { id, fault: { code: problem.code, detail: problem.message } }
      }
    }),
  )
  const all = accepted.flatMap(({ item }) => item ?? [])
  const items = batch.isRepeat ? await unsent(ports, claimed.file, collection, all) : all
  await write(ports, claimed.file, context, items)
  store.database.transaction(() => {
    const file = store.files.find(fileId)
    if (file === undefined) return
    const sum = new CountSum()
    let fault: { code: string; detail: string } | undefined
    let reused = 0
    for (const item of items) {
      const outcome = outcomeOf(item)
      fault ??= outcome.fault
      reused += outcome.reused
      note(store, file, item.document.source.id, outcome, sum)
    }
    for (const { id, fault: refused } of accepted) {
      if (refused === undefined) continue
      fault ??= refused
      note(store, file, id, { status: 'failed' }, sum)
    }
    store.files.update(fileId, {
      ...sum.appliedTo(file),
      repeated: file.repeated + claimed.repeated,
      reused_chunks: file.reused_chunks + reused,
      ...(fault === undefined || file.code !== null ? {} : fault),
      ...patchOf(file),
    })
  })
}

async function choosingModel(
  ports: PipelinePorts,
  context: FileContext,
  { fresh }: Claimed,
): Promise<CollectionRecord> {
  const texts = fresh.map(({ document: { text, language } }) => ({
    text,
    language: context.options.language ?? language,
  }))
  if (texts.length > 0) context.collection = await withModelChosen(ports, context.collection, texts)
  return context.collection
}

interface Claimed {
  readonly file: FileRow
  readonly fresh: readonly { readonly document: ParsedDocument; readonly id: string }[]
  readonly repeated: number
}

function claim(store: FileStore, fileId: number, { documents, ordinal }: Batch): Claimed {
  return store.database.transaction((): Claimed => {
    const file = store.files.find(fileId)
    if (file === undefined) throw new FileGone()
    const sum = new CountSum()
    const fresh: { document: ParsedDocument; id: string }[] = []
    let repeated = 0
    for (const [index, document] of documents.entries()) {
      const id = documentIdOf(document, file.name)
      const claimed = store.documents.claim(file, id, ordinal + index, sum)
      // What a log has told of already is done.
      const isDone = claimed === 'again' && store.documents.find(fileId, id)?.status !== 'waiting'
      if (claimed === 'repeated') repeated++
      else if (!isDone) fresh.push({ document, id })
    }
    if (!sum.isNothing) store.files.update(fileId, sum.appliedTo(file))
    return { file, fresh, repeated }
  })
}

/** The collection was deleted while the file was read. */
export class FileGone extends Error {
  override readonly name = 'FileGone'
}

/** Leaves out what its shard knows under the file's job: the log tells, or has told, what became of it. */
async function unsent(
  { placement }: PipelinePorts,
  file: FileRow,
  collection: CollectionRecord,
  items: readonly WriteItem[],
): Promise<WriteItem[]> {
  const workId = workIdOf(file.job_id, file.number)
  const known = await Promise.all(
    [...Map.groupBy(items, ({ shard }) => shard)].map(([shard, members]) =>
      asked(
        placement.forWrite(collection, shard).workItems(
          workId,
          members.map(({ document }) => document.source.id),
        ),
      ),
    ),
  )
  const found = new Map(known.flatMap((statuses) => Object.entries(statuses)))
  return items.filter(({ document }) => !isTold(found.get(document.source.id), file))
}

/** In a later pass only what still waits is left alone: everything else may have changed since. */
function isTold(status: ItemStatus | undefined, { pass }: FileRow): boolean {
  if (status === undefined || status === 'unchanged') return false
  return pass === 1 || status === 'queued'
}

async function write(
  ports: PipelinePorts,
  file: FileRow,
  { collection, tenant, writer }: FileContext,
  items: readonly WriteItem[],
): Promise<void> {
  if (items.length === 0) return
  const documents = new DocumentWriter(ports, collection, contextOf(writer), quotaOf(ports, collection, tenant))
  try {
    await documents.begin(items)
    if (items.some(isOpen)) await documents.stage(items, workIdOf(file.job_id, file.number), { isResumed: true })
  } catch (error) {
    await documents.release(items)
    throw error
  } finally {
    await documents.finish()
  }
}

const quotaOf = (ports: PipelinePorts, collection: CollectionRecord, tenant: TenantState) =>
  writeQuota(ports, collection, { kind: 'secret', keyId: '', tenant })

interface Outcome {
  /** Absent: it waits in its shard. */
  readonly status?: 'unchanged' | 'failed'
  readonly chunks?: number
  readonly version?: number
  readonly reused: number
  readonly fault?: { readonly code: string; readonly detail: string }
}

function outcomeOf({ result, chunks = [], known }: WriteItem): Outcome {
  if (result === undefined) {
    const reused = chunks.filter(({ chunk }) => known?.has(chunk.vectorKey) === true).length
    return { chunks: chunks.length, reused }
  }
  if (result.status !== 'failed') {
    return { status: 'unchanged', chunks: result.chunks, version: result.version, reused: result.chunks }
  }
  return { status: 'failed', reused: 0, ...(result.error && { fault: result.error }) }
}

/** What a log has told meanwhile stays; how many chunks there are only this side knows. */
function note(
  { documents }: FileStore,
  file: FileRow,
  id: string,
  { status, chunks = 0, version }: Omit<Outcome, 'reused'>,
  sum: CountSum,
): void {
  const row = documents.find(file.id, id)
  if (row === undefined) return
  const settles = row.status === 'waiting' && status !== undefined
  documents.change(
    file,
    row,
    {
      chunks: row.status === 'failed' || status === 'failed' ? 0 : chunks,
      ...(settles ? { status, ...(version === undefined ? {} : { version }) } : {}),
    },
    sum,
  )
}
