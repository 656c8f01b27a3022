/**
 * Originals in R2. A file passes through as a stream: what fits one part is put at once, what is longer goes up in parts of
 * equal size, so that never more than one part is in memory, whatever was declared.
 */
import { hex } from '../core/bytes.ts'
import { ORIGINAL_PART_BYTES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { DETECTION_BYTES } from '../parsing/detect-format.ts'
import type { FileBytes } from '../parsing/parsed-document.ts'
import type { OriginalRange, OriginalStore, StoredOriginal, StoreOptions } from './original-store.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** What R2 takes in one call of `delete`, and gives in one page of `list`. */
const PAGE = 1_000
const FIRST_BUFFER_BYTES = DETECTION_BYTES

export class R2Originals implements OriginalStore {
  readonly #bucket: R2Bucket

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket
  }

  async store(key: string, body: ReadableStream<Uint8Array>, options: StoreOptions): Promise<StoredOriginal> {
    const storing = new Storing(this.#bucket, key, options)
    const reader = body.getReader()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return await storing.finish()
        await storing.take(value)
      }
    } catch (error) {
      // Nobody waits for what the sender has still to say.
      reader.cancel(error).catch(() => {})
      await storing.giveUp()
      throw error
    }
  }

  async open(key: string, range?: OriginalRange): Promise<FileBytes | undefined> {
    const found = await this.#bucket.head(key)
    if (found === null) return undefined
    const start = Math.min(range?.offset ?? 0, found.size)
    const size = Math.min(range?.length ?? found.size, found.size - start)
    return new R2Bytes(this.#bucket, key, start, size)
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (let at = 0; at < keys.length; at += PAGE) await this.#bucket.delete(keys.slice(at, at + PAGE))
  }

  async deletePrefix(prefix: string): Promise<number> {
    let count = 0
    for (;;) {
      // What was listed is gone by the next look, so that no cursor is needed.
      const { objects } = await this.#bucket.list({ prefix, limit: PAGE })
      if (objects.length === 0) return count
      await this.delete(objects.map(({ key }) => key))
      count += objects.length
    }
  }

  async abortMultipart(key: string, multipartId: string): Promise<void> {
    try {
      await this.#bucket.resumeMultipartUpload(key, multipartId).abort()
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
}

/** R2's word for an upload in parts that is complete, aborted or never was. */
const isGone = (error: unknown): boolean => error instanceof Error && error.message.includes('10024')

/** One original on its way in. */
class Storing {
  readonly #bucket: R2Bucket
  readonly #key: string
  readonly #options: StoreOptions
  readonly #digest = new crypto.DigestStream('SHA-256')
  readonly #hash = this.#digest.getWriter()
  readonly #parts: R2UploadedPart[] = []
  #upload: R2MultipartUpload | undefined
  #buffer: Bytes = new Uint8Array(FIRST_BUFFER_BYTES)
  /** Of the buffer, so much is filled. */
  #filled = 0
  #bytes = 0
  #head: Bytes | undefined
  #maxBytes = Infinity

  constructor(bucket: R2Bucket, key: string, options: StoreOptions) {
    this.#bucket = bucket
    this.#key = key
    this.#options = options
    if (typeof options.maxBytes === 'number') this.#maxBytes = options.maxBytes
    // It fails with the hash, and whoever waits for that hears of it.
    this.#digest.digest.catch(() => {})
  }

  async take(piece: Uint8Array): Promise<void> {
    this.#bytes += piece.length
    this.#requireRoom()
    await this.#hash.write(piece)
    let at = 0
    while (at < piece.length) {
      if (this.#filled === ORIGINAL_PART_BYTES) await this.#sendPart()
      const taken = Math.min(piece.length - at, ORIGINAL_PART_BYTES - this.#filled)
      this.#reserve(this.#filled + taken)
      this.#buffer.set(piece.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled >= DETECTION_BYTES) this.#look()
    }
  }

  async finish(): Promise<StoredOriginal> {
    const head = this.#look()
    await this.#hash.close()
    const sha256 = hex(new Uint8Array(await this.#digest.digest))
    if (this.#upload === undefined) {
      await this.#bucket.put(this.#key, this.#buffer.subarray(0, this.#filled))
    } else {
      if (this.#filled > 0) await this.#sendPart()
      await this.#upload.complete(this.#parts)
    }
    return { bytes: this.#bytes, sha256, head }
  }

  /** What cannot be aborted now is swept away later. */
  async giveUp(): Promise<void> {
    this.#hash.abort().catch(() => {})
    await this.#upload?.abort().catch(() => {})
  }

  /** The first bytes say how long the file may be. */
  #look(): Bytes {
    if (this.#head !== undefined) return this.#head
    this.#head = this.#buffer.slice(0, Math.min(this.#filled, DETECTION_BYTES))
    const { maxBytes } = this.#options
    if (typeof maxBytes === 'function') this.#maxBytes = maxBytes(this.#head)
    this.#requireRoom()
    return this.#head
  }

  #requireRoom(): void {
    if (this.#bytes <= this.#maxBytes) return
    throw new Problem('body_too_large', `the file is over the limit of ${this.#maxBytes} bytes for its format`)
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return
    const larger = new Uint8Array(Math.min(ORIGINAL_PART_BYTES, Math.max(2 * this.#buffer.length, length)))
    larger.set(this.#buffer.subarray(0, this.#filled))
    this.#buffer = larger
  }

  async #sendPart(): Promise<void> {
    if (this.#upload === undefined) {
      const upload = await this.#bucket.createMultipartUpload(this.#key)
      this.#upload = upload
      await this.#options.noteMultipart?.(upload.uploadId)
    }
    const part = this.#buffer.subarray(0, this.#filled)
    this.#parts.push(await this.#upload.uploadPart(this.#parts.length + 1, part))
    this.#filled = 0
  }
}

/** A stored original, or a part of one, read by ranges. */
class R2Bytes implements FileBytes {
  readonly size: number
  readonly #bucket: R2Bucket
  readonly #key: string
  readonly #start: number

  constructor(bucket: R2Bucket, key: string, start: number, size: number) {
    this.#bucket = bucket
    this.#key = key
    this.#start = start
    this.size = size
  }

  async read(offset: number, length: number): Promise<Bytes> {
    const wanted = Math.min(length, this.size - offset)
    if (wanted <= 0) return new Uint8Array()
    return new Uint8Array(await (await this.#get(offset, wanted)).arrayBuffer())
  }

  stream(): ReadableStream<Bytes> {
    let reader: ReadableStreamDefaultReader<Bytes> | undefined
    return new ReadableStream<Bytes>(
      {
        pull: async (controller) => {
          if (this.size === 0) return controller.close()
          reader ??= ((await this.#get(0, this.size)).body as ReadableStream<Bytes>).getReader()
          const { done, value } = await reader.read()
          if (done) controller.close()
          else controller.enqueue(value)
        },
        cancel: (reason) => reader?.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }

  async #get(offset: number, length: number): Promise<R2ObjectBody> {
    const found = await this.#bucket.get(this.#key, { range: { offset: this.#start + offset, length } })
    if (found === null) throw new Error('an original is gone')
    return found
  }
}
