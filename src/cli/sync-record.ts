/**
 * What `nearfield sync` remembers between runs, in one file: which bytes of which file the server has settled, and what is on
 * its way. It is replaced as a whole, so that it can be read whenever a run ends; what is about to be sent is noted before, so
 * that nothing on the server is ever forgotten.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { UsageError } from './options.ts'

export interface FileFailure {
  /** Of the file, or of an entry of an archive. */
  readonly name: string
  readonly code: string
  readonly detail: string
}

/** A file as the server settled it. */
export interface SyncedFile {
  readonly sha256: string
  /** Of a file that is one document. */
  readonly documentId?: string
  readonly failures?: readonly FileFailure[]
}

/** A file that was sent, or was about to be sent or deleted when the run ended. */
export interface SentFile {
  readonly sha256: string
  /** Known once the server has accepted it. */
  readonly job?: string
}

interface CollectionRecord {
  readonly url: string
  readonly name: string
  readonly files: Record<string, SyncedFile>
  readonly sending: Record<string, SentFile>
}

interface RecordFile {
  readonly format: 1
  /** By id, so that a collection that was deleted and made again begins empty. */
  readonly collections: Record<string, CollectionRecord>
}

export interface CollectionRef {
  readonly id: string
  readonly name: string
  readonly url: string
}

export class SyncRecord {
  readonly files: Map<string, SyncedFile>
  readonly sending: Map<string, SentFile>
  readonly #path: string
  readonly #others: RecordFile['collections']
  readonly #collection: CollectionRef

  /** @throws UsageError for a file that is none */
  constructor(path: string, collection: CollectionRef) {
    const { [collection.id]: known, ...others } = readRecord(path).collections
    this.#path = path
    this.#others = others
    this.#collection = collection
    this.files = new Map(Object.entries(known?.files ?? {}))
    this.sending = new Map(Object.entries(known?.sending ?? {}))
  }

  /** Durable when it returns. */
  save(): void {
    const { id, name, url } = this.#collection
    const record: RecordFile = {
      format: 1,
      collections: {
        ...this.#others,
        [id]: { url, name, files: Object.fromEntries(this.files), sending: Object.fromEntries(this.sending) },
      },
    }
    const beside = `${this.#path}.${process.pid}.new`
    const file = openSync(beside, 'w', 0o600)
    try {
      writeSync(file, `${JSON.stringify(record)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(beside, this.#path)
  }
}

function readRecord(path: string): RecordFile {
  try {
    const { format, collections } = JSON.parse(readFileSync(path, 'utf8')) as Partial<RecordFile>
    if (format === 1 && collections !== undefined) return { format, collections }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { format: 1, collections: {} }
  }
  throw new UsageError(`${path} is not a record of this version's sync; name another one with --record`)
}

/**
 * Keeps a second run away from the record until this one ends: two would forget what the other has sent.
 * @throws UsageError while another one runs
 */
export function lockRecord(path: string): () => void {
  const lock = `${path}.lock`
  for (;;) {
    try {
      const file = openSync(lock, 'wx', 0o600)
      writeSync(file, String(process.pid))
      closeSync(file)
      const release = (): void => rmSync(lock, { force: true })
      process.once('exit', release)
      return () => {
        process.removeListener('exit', release)
        release()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = Number(readFileSync(lock, 'utf8') || '0')
    if (isRunning(holder)) {
      throw new UsageError(`another sync of this folder is running (process ${holder}); if not, remove ${lock}`)
    }
    rmSync(lock, { force: true })
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid || pid <= 0) return pid === process.pid
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
