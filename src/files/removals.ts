/** Documents of files that a source no longer has are deleted, soon and whatever crashes. */
import type { CollectionId } from '../core/ids.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { FileStore } from './file-store.ts'
import { retire } from './finish-file.ts'
import type { PipelinePorts } from './pipeline-ports.ts'

const RETRY_MS = 5_000
const REMOVALS_PER_RUN = 100
const NO_NAMES: ReadonlySet<string> = new Set()

interface Removal {
  readonly id: number
  readonly collection_id: string
  readonly name: string
  readonly key_id: string
  /** Files that come later stay. */
  readonly before: number
}

/** Inside the caller's transaction. What waits under the name is not read any more. */
export function addRemoval(store: FileStore, collectionId: CollectionId, name: string, keyId: string): void {
  const last = store.database.get<{ id: number | null }>('SELECT max(id) AS id FROM files')?.id ?? 0
  const before = last + 1
  store.supersedeQueued({ collection_id: collectionId, name, id: before })
  store.database.run(
    'INSERT INTO file_removals (collection_id, name, key_id, before, not_before_ms) VALUES (?, ?, ?, ?, 0)',
    collectionId,
    name,
    keyId,
    before,
  )
}

/** A file of the name that is being read or embedded is waited for. */
const DUE = `FROM file_removals AS r WHERE NOT EXISTS (
  SELECT 1 FROM files AS f WHERE f.collection_id = r.collection_id AND f.name = r.name AND f.id < r.before
    AND f.status IN ('queued', 'parsing', 'embedding'))`

export function nextRemovalMs({ database }: FileStore): number | undefined {
  return database.get<{ least: number | null }>(`SELECT min(not_before_ms) AS least ${DUE}`)?.least ?? undefined
}

export async function runRemovals(
  store: FileStore,
  ports: PipelinePorts,
  contexts: { collection(id: string): Promise<CollectionRecord | undefined> },
): Promise<void> {
  const { database, clock } = store
  const due = database.all<Removal>(`SELECT * ${DUE} AND not_before_ms <= ? LIMIT ?`, clock(), REMOVALS_PER_RUN)
  for (const removal of due) {
    try {
      await remove(store, ports, removal, await contexts.collection(removal.collection_id))
    } catch (error) {
      ports.report(error)
      database.run('UPDATE file_removals SET not_before_ms = ? WHERE id = ?', clock() + RETRY_MS, removal.id)
    }
  }
}

async function remove(
  store: FileStore,
  ports: PipelinePorts,
  { id, collection_id, name, key_id, before }: Removal,
  collection: CollectionRecord | undefined,
): Promise<void> {
  const writer = { keyId: key_id, mayWriteAcl: true }
  if (collection !== undefined) {
    for (const file of store.files.earlier({ collection_id, name, id: before })) {
      await retire(store, ports, collection, writer, file, NO_NAMES)
    }
  }
  store.database.run('DELETE FROM file_removals WHERE id = ?', id)
}
