/** Inflates one entry of an archive piece by piece, and checks on the way that it is what the directory says. */
import { FileFault } from '../file-fault.ts'
import type { FileBytes } from '../parsed-document.ts'
import type { ArchiveEntry } from '../zip-archive.ts'
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
  const writer = writable.getWriter()
  let sourceError: { readonly reason: unknown } | undefined
  const feeding = feed(raw, writer).catch(async (reason: unknown) => {
    sourceError = { reason }
    await writer.abort(reason).catch(() => undefined)
  })
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        // The writer fails with the reader when the data are wrong; a source that failed came first.
        throw new FileFault('malformed_file', 'an entry cannot be decompressed')
      })
      if (done) break
      yield value as Uint8Array<ArrayBuffer>
    }
  } catch (error) {
    if (sourceError?.reason instanceof SourceError) throw sourceError.reason.cause
    throw error
  } finally {
    await reader.cancel().catch(() => undefined)
    await feeding
  }
}

/** Tells what the source throws from what the decompressor does. */
class SourceError extends Error {}

async function feed(
  raw: AsyncIterable<Uint8Array<ArrayBuffer>>,
  writer: WritableStreamDefaultWriter<BufferSource>,
): Promise<void> {
  const source = raw[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await source.next().catch((cause: unknown) => {
      throw new SourceError('the source failed', { cause })
    })
    if (done === true) break
    for (let at = 0; at < value.length; at += FEED_BYTES) await writer.write(value.subarray(at, at + FEED_BYTES))
  }
  await writer.close()
}
