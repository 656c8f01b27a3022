/** The bytes of a file: its original, or an entry of its archive's. */
import { invariant } from '../core/invariant.ts'
import { memoryBytes } from '../parsing/memory-bytes.ts'
import type { FileBytes } from '../parsing/parsed-document.ts'
import { openEntry, type ArchiveEntry } from '../parsing/zip-archive.ts'
import { systemTimer, type Timer } from '../tenancy/timer.ts'
import type { FileStore } from './file-store.ts'
import type { OriginalStore } from './original-store.ts'
import type { FileRow } from './rows/file-row.ts'

/** Smaller ones are fetched whole, in one call. */
const WHOLE_BYTES = 1_000_000
/** A read that takes longer has been lost; without an end it would keep the tenant's other files from being read. */
const READ_MS = 60_000

/** Where reading the bytes fails, which is no fault of the file. */
export class UnreadableBytes extends Error {
  override readonly name = 'UnreadableBytes'
}

/** `undefined` when the original is gone. @throws UnreadableBytes; FileFault for a damaged entry */
export async function openFile(
  store: FileStore,
  originals: Pick<OriginalStore, 'open'>,
  file: FileRow,
  timer: Timer = systemTimer,
): Promise<FileBytes | undefined> {
  const top = file.parent === null ? file : store.files.find(file.parent)
  if (top?.original_key === undefined || top.original_key === null) return undefined
  const key = top.original_key
  const opened = await readable(() => originals.open(key), timer)
  if (opened === undefined) return undefined
  const guarded = guard(opened, timer)
  if (file.parent === null) return guarded.size > WHOLE_BYTES ? guarded : inMemory(guarded)
  invariant(file.entry !== null, 'an entry of an archive says where it lies')
  const entry = openEntry(guarded, JSON.parse(file.entry) as ArchiveEntry)
  return entry.size > WHOLE_BYTES ? entry : inMemory(entry)
}

const inMemory = async (bytes: FileBytes): Promise<FileBytes> => memoryBytes(await bytes.read(0, bytes.size))

function guard(bytes: FileBytes, timer: Timer): FileBytes {
  return {
    size: bytes.size,
    read: (offset, length) => readable(() => bytes.read(offset, length), timer),
    stream: () => guardedStream(bytes.stream(), timer),
  }
}

function guardedStream(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  timer: Timer,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader()
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await readable(() => reader.read(), timer)
        if (done) controller.close()
        else controller.enqueue(value)
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

async function readable<T>(read: () => Promise<T>, timer: Timer): Promise<T> {
  let stop = (): void => undefined
  const late = new Promise<never>((_, reject) => {
    stop = timer(READ_MS, () => reject(new Error('the bucket does not answer')))
  })
  try {
    return await Promise.race([read(), late])
  } catch (error) {
    throw new UnreadableBytes('an original cannot be read', { cause: error })
  } finally {
    stop()
  }
}
