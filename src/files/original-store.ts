/** Where the bytes of uploaded files lie, as a port: `originals.ts` is one over R2, tests have one in memory. */
import type { FileBytes } from '../parsing/parsed-document.ts'

/** A part of an original, half-open: an entry of an archive is read through one. */
export interface OriginalRange {
  readonly offset: number
  readonly length: number
}

export interface StoreOptions {
  /** More than this is refused with `body_too_large`, and nothing of it is kept. Asked once, with the first bytes. */
  readonly maxBytes: number | ((head: Uint8Array<ArrayBuffer>) => number)
  /** Told before the first part of an original that is stored in parts. What it throws ends the storing. */
  readonly noteMultipart?: (multipartId: string) => Promise<void>
}

/** What was stored, as counted on its way. */
export interface StoredOriginal {
  readonly bytes: number
  /** Hex SHA-256. */
  readonly sha256: string
  /** The first bytes, up to 64 KiB, for telling the format. */
  readonly head: Uint8Array<ArrayBuffer>
}

export interface OriginalStore {
  /** Durable when it returns. Streams: never holds more than a few parts. */
  store(key: string, body: ReadableStream<Uint8Array>, options: StoreOptions): Promise<StoredOriginal>
  /** `undefined` when nothing lies under the key. */
  open(key: string, range?: OriginalRange): Promise<FileBytes | undefined>
  /** Safe to repeat; what is not there counts as deleted. */
  delete(keys: readonly string[]): Promise<void>
  /** Deletes all that lies under the prefix; answers how many. Safe to repeat. */
  deletePrefix(prefix: string): Promise<number>
  /** Gives up an original that is being stored in parts; one that is complete or gone is left alone. */
  abortMultipart(key: string, multipartId: string): Promise<void>
}
