/** The inbox over R2: what others put there is listed in order and read as streams. */
import type { Inbox, InboxObject, InboxPage } from '../sources/source-ports.ts'

const objectOf = ({ key, etag, size }: R2Object): InboxObject => ({ key, etag, bytes: size })

export class R2Inbox implements Inbox {
  readonly #bucket: R2Bucket

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket
  }

  async list(prefix: string, afterKey: string, limit: number): Promise<InboxPage> {
    const startAfter = afterKey === '' ? {} : { startAfter: afterKey }
    const { objects, truncated } = await this.#bucket.list({ prefix, limit, ...startAfter })
    return { objects: objects.map(objectOf), hasMore: truncated }
  }

  async get(key: string): ReturnType<Inbox['get']> {
    const found = await this.#bucket.get(key)
    return found === null ? undefined : { ...objectOf(found), body: found.body }
  }
}
