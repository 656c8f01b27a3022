/**
 * The end of a file: all that it made is settled. What stood under its name before and is not made any more is deleted
 * first, then the file takes its place in one transaction. Every step can be repeated.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { shardOf } from '../shard/placement.ts'
import { asked } from '../shard/shard-call.ts'
import type { FileStore } from './file-store.ts'
import { startOver, workOf } from './file-run.ts'
import type { FileWriter } from './files-api.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { CountSum } from './rows/documents.ts'
import { countedAs, READING, type DocumentRow, type FileRow } from './rows/file-row.ts'

/** Documents deleted in one call of a shard. */
const DELETED_PER_CALL = 200
const ROWS_PER_TRANSACTION = 500

type Placing = Pick<PipelinePorts, 'placement'>

/** Settles a file of which nothing waits any more. @throws what shards throw; it is then tried again */
export async function finishFile(
  store: FileStore,
  ports: Placing,
  { id }: FileRow,
  collection: CollectionRecord,
  writer: FileWriter,
): Promise<void> {
  const file = store.files.find(id)
  if (file === undefined || !isFinished(file)) return
  const end = endOf(store, file)
  if (end.status === 'indexed') {
    await deleteAll(store, ports, collection, writer, () => store.documents.leftBehind(file, DELETED_PER_CALL))
    const names = file.format === 'zip' ? new Set(store.files.children(id).map(({ name }) => name)) : new Set<string>()
    for (const earlier of store.files.earlier(file)) await retire(store, ports, collection, writer, earlier, names)
  }
  store.database.transaction(() => {
    const present = store.files.find(id)
    if (present === undefined || !isFinished(present)) return
    store.documents.forgetUnindexed(id)
    const isOwner = end.status === 'indexed' && (file.format === 'zip' || store.documents.hasAny(id))
    const { is_whole } = present
    store.settle(id, {
      ...end,
      is_owner: isOwner ? 1 : 0,
      // What did not get in is tried again when the same file comes again.
      is_whole: isOwner && is_whole === 1 && present.failed_documents === 0 && !hasOpenEnds(store, present) ? 1 : 0,
    })
  })
}

const isFinished = ({ status, waiting, open_children }: FileRow): boolean =>
  status === 'embedding' && waiting === 0 && open_children === 0

const hasOpenEnds = (store: FileStore, { id, format }: FileRow): boolean =>
  format === 'zip' && store.files.children(id).some(({ is_owner, is_whole }) => is_owner === 0 || is_whole === 0)

interface Ending {
  readonly status: 'indexed' | 'failed' | 'cancelled'
  readonly code?: string | null
  readonly detail?: string | null
}

const NOTHING_INDEXED = { code: 'no_text', detail: 'no file of the archive could be indexed' }

function endOf(store: FileStore, file: FileRow): Ending {
  if (file.is_parsed === READING.cancelled || store.documents.ofStatus(file.id, 'cancelled', 1).length > 0) {
    return { status: 'cancelled', code: null, detail: null }
  }
  if (file.is_parsed === READING.fault) return { status: 'failed' }
  if (file.format === 'zip') {
    const ends = new Set(store.files.children(file.id).map(({ status }) => countedAs(status)))
    if (ends.has('succeeded')) return { status: 'indexed' }
    return ends.has('cancelled') ? { status: 'cancelled' } : { status: 'failed', ...NOTHING_INDEXED }
  }
  return { status: file.failed_documents < file.documents ? 'indexed' : 'failed' }
}

/** Deletes what an earlier file made, entries included but for those in `names`, and takes its place from it. */
export async function retire(
  store: FileStore,
  ports: Placing,
  collection: CollectionRecord,
  writer: FileWriter,
  file: FileRow,
  names: ReadonlySet<string>,
): Promise<void> {
  for (const child of store.files.children(file.id)) {
    if (!names.has(child.name)) await retire(store, ports, collection, writer, child, names)
  }
  await deleteAll(store, ports, collection, writer, () => store.documents.of(file.id, DELETED_PER_CALL))
  store.database.transaction(() => {
    const present = store.files.find(file.id)
    if (present !== undefined) store.disown(present)
  })
}

/** Page by page, until `next` finds nothing. */
async function deleteAll(
  store: FileStore,
  ports: Placing,
  collection: CollectionRecord,
  writer: FileWriter,
  next: () => DocumentRow[],
): Promise<void> {
  for (let rows = next(); rows.length > 0; rows = next()) {
    await deleteDocuments(
      ports,
      collection,
      writer,
      rows.filter((row) => isLast(store, row)),
    )
    store.database.transaction(() => {
      for (const row of rows) store.documents.remove(row)
    })
  }
}

/** Whether the document stands as this file made it, and no other file has made it since. */
const isLast = ({ documents }: FileStore, row: DocumentRow): boolean =>
  (row.status === 'indexed' || row.status === 'unchanged') &&
  documents
    .ofDocument(row.collection_id, row.document_id)
    .every(({ file_id, status }) => file_id === row.file_id || status === 'failed' || status === 'cancelled')

/** Only in the version that the file made: whatever was accepted since stays. */
async function deleteDocuments(
  { placement }: Placing,
  collection: CollectionRecord,
  { keyId, filter, mayWriteAcl }: FileWriter,
  rows: readonly DocumentRow[],
): Promise<void> {
  const placed = await Promise.all(
    rows.map(async (row) => ({ row, shard: await shardOf(row.document_id, collection.generation.shards) })),
  )
  await Promise.all(
    [...Map.groupBy(placed, ({ shard }) => shard)].map(([shard, members]) =>
      asked(
        placement
          .forWrite(collection, shard)
          .deleteDocuments(
            { ids: members.map(({ row }) => row.document_id), versions: members.map(({ row }) => row.version) },
            { keyId, mayWriteAcl, allowance: { kind: 'unlimited' }, ...(filter === undefined ? {} : { filter }) },
          ),
      ),
    ),
  )
}

/** Calls off what shards have not done of a file; what they did counts. Afterwards nothing of it waits. */
export async function withdraw(
  store: FileStore,
  { placement }: Placing,
  { id }: FileRow,
  collection: CollectionRecord,
): Promise<void> {
  const file = store.files.find(id)
  if (file === undefined) return
  await onAllShards(collection, async (shard) => {
    await asked(placement.forWrite(collection, shard).cancelJob(workOf(file)))
    await asked(placement.forWrite(collection, shard).flushFileChanges())
  })
  for (let isMore = true; isMore;) {
    isMore = store.database.transaction((): boolean => {
      const present = store.files.find(id)
      if (present === undefined) return false
      const rows = store.documents.ofStatus(id, 'waiting', ROWS_PER_TRANSACTION)
      const sum = new CountSum()
      // The logs have told all there is to tell of them.
      for (const row of rows) store.documents.change(present, row, { status: 'cancelled' }, sum)
      const { is_parsed } = present
      store.files.update(id, {
        ...sum.appliedTo(present),
        status: 'embedding',
        strikes: 0,
        is_parsed: is_parsed === READING.open ? READING.cancelled : is_parsed,
      })
      return rows.length === ROWS_PER_TRANSACTION
    })
  }
}

/** Looks after a file of which shards have told nothing for long: what they do not have is read and handed over again. */
export async function lookAfter(
  store: FileStore,
  { placement }: Placing,
  { id }: FileRow,
  collection: CollectionRecord,
): Promise<void> {
  await onAllShards(collection, (shard) => asked(placement.forWrite(collection, shard).flushFileChanges()))
  const file = store.files.find(id)
  if (file?.status !== 'embedding' || file.waiting === 0) return
  const rows = store.documents.ofStatus(id, 'waiting', 1)
  const [row] = rows
  if (row === undefined) return
  const shard = await shardOf(row.document_id, collection.generation.shards)
  const known = await asked(placement.forWrite(collection, shard).workItems(workOf(file), [row.document_id]))
  store.database.transaction(() => {
    const present = store.files.find(id)
    if (present?.status !== 'embedding') return
    const isLost = known[row.document_id] !== 'queued'
    store.files.update(id, isLost ? { ...startOver(present), status: 'queued' } : {})
  })
}

async function onAllShards({ generation }: CollectionRecord, ask: (shard: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: generation.shards }, (_, shard) => ask(shard)))
}
