/** Inflates one entry of an archive piece by piece, and checks on the way that it is what the directory says. */
import { FileFault } from '../file-fault.ts'
import type { FileBytes } from '../parsed-document.ts'
import type { ArchiveEntry } from './archive-entry.ts'
import { crc32 } from './crc32.ts'

/** One ranged read of the archive. */
const READ_BYTES = 1_000_000
/** A runtime may inflate all of what it is given at once, a thousandfold: 8 KB become 8 MB at most. */
const FEED_BYTES = 8_192

/**
 * @param findData where the entry's data begins; asked at the first pull
 * @throws FileFault expansion_limit when more comes out than was declared; malformed_file when less, or another checksum
 */
export async function* inflateEntry(
  bytes: FileBytes,
  entry: ArchiveEntry,
  findData: () => Promise<number>,
  expand: (count: number) => void = () => undefined,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const start = await findData()
  const raw = readRange(bytes, start, start + entry.compressedSize)
  let position = 0
  let checksum = 0
  for await (const piece of entry.method === 8 ? inflate(raw) : raw) {
    expand(piece.length)
    position += piece.length
    if (position > entry.size) throw new FileFault('expansion_limit', 'an entry is larger than it says')
    checksum = crc32(piece, checksum)
    yield piece
  }
  if (position !== entry.size) throw new FileFault('malformed_file', 'an entry is shorter than it says')
  if (checksum !== entry.crc32) throw new FileFault('malformed_file', 'the checksum of an entry is wrong')
}

async function* readRange(bytes: FileBytes, start: number, end: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = start; at < end;) {
    const piece = await bytes.read(at, Math.min(READ_BYTES, end - at))
    if (piece.length === 0) throw new FileFault('malformed_file', 'an entry ends beyond the end of the file')
    at += piece.length
    yield piece
  }
}

/** A fault of the source is thrown as it is; what the decompressor says of the data is `malformed_file`. */
async function* inflate(raw: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream('deflate-raw')
  const reader = readable.getReader()
  const feed = new Feed(writable.getWriter())
  const feeding = feed.run(raw)
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        if (feed.sourceError !== undefined) throw feed.sourceError.reason
        throw new FileFault('malformed_file', 'an entry cannot be decompressed')
      })
      if (done) break
      yield value as Uint8Array<ArrayBuffer>
    }
  } finally {
    // Read to the end of what was fed instead of cancelled: Node's stream, when cancelled while it inflates, throws where
    // nobody can catch it.
    feed.stop()
    for (let isDone = false; !isDone;)
      isDone = await reader.read().then(
        ({ done }) => done,
        () => true,
      )
    await feeding
  }
}

/** Feeds a decompressor little by little. */
class Feed {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>
  #isStopped = false
  /** What reading the source ended with. */
  sourceError: { readonly reason: unknown } | undefined

  constructor(writer: WritableStreamDefaultWriter<BufferSource>) {
    this.#writer = writer
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Never rejects: what the decompressor says, its reader is told too. */
  async run(raw: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    try {
      for await (const piece of this.#watched(raw)) {
        for (let at = 0; at < piece.length && !this.#isStopped; at += FEED_BYTES) {
          await this.#writer.write(piece.subarray(at, at + FEED_BYTES))
        }
        if (this.#isStopped) break
      }
      await this.#writer.close()
    } catch (reason) {
      await this.#writer.abort(reason).catch(() => undefined)
    }
  }

  async *#watched(raw: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    try {
      yield* raw
    } catch (reason) {
      this.sourceError = { reason }
      throw reason
    }
  }
}
