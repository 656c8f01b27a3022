/** A zip archive becomes files: each entry one, whose bytes are a range of the archive's original. */
import { utf8Length } from '../core/bytes.ts'
import { MAX_FILE_NAME_BYTES } from '../core/limits.ts'
import type { ParseBudget } from '../parsing/parse-budget.ts'
import type { FileBytes } from '../parsing/parsed-document.ts'
import { readArchive } from '../parsing/zip-archive.ts'
import type { FileStore } from './file-store.ts'
import { READING, type FileRow } from './rows/file-row.ts'

/** All entries at once, or none. @throws FileFault, unsafe_path among them: then nothing of the archive is read */
export async function expandArchive(
  store: FileStore,
  { id }: FileRow,
  bytes: FileBytes,
  budget: ParseBudget,
): Promise<void> {
  const entries = await readArchive(bytes, budget)
  store.database.transaction(() => {
    const file = store.files.find(id)
    if (file?.status !== 'parsing' || file.is_parsed !== READING.open) return
    const { job_id, collection_id, name } = file
    const made = entries.map((entry) => ({
      jobId: job_id,
      collectionId: collection_id,
      name: `${name}/${entry.path}`,
      bytes: entry.size,
      sha256: '',
      format: undefined,
      fingerprint: '',
      parent: id,
      entry: JSON.stringify(entry),
    }))
    const ids = store.files.add(job_id, made)
    store.files.update(id, {
      format: 'zip',
      status: 'embedding',
      is_parsed: READING.whole,
      open_children: entries.length,
      strikes: 0,
      failures: 0,
    })
    for (const [index, child] of made.entries()) {
      if (utf8Length(child.name) <= MAX_FILE_NAME_BYTES) continue
      const detail = `the path of the entry is longer than ${MAX_FILE_NAME_BYTES} bytes with the archive's name`
      store.settle(ids[index] ?? 0, { status: 'failed', code: 'record_too_large', detail })
    }
  })
}
