/**
 * Sources on plain Node: a web and an inbox that a test plays, files that are written to the same database as the sources'
 * own rows, a clock that stands still, and kills before or after any call that leaves the object.
 */
import { hex, sha256, utf8 } from '../../src/core/bytes.ts'
import type { CollectionId, JobId, TenantUid } from '../../src/core/ids.ts'
import type { SqlDatabase } from '../../src/core/sql-database.ts'
import type { PageOutcome, PageRequest } from '../../src/egress/egress-api.ts'
import { publicUrlFault } from '../../src/egress/public-url.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import type {
  BeginResult,
  FileIntake,
  IntakeFile,
  IntakeOutcome,
  StoredOriginal,
} from '../../src/sources/file-intake.ts'
import type { CrawlSettings, SourceRecord, SourceSettings } from '../../src/sources/source.ts'
import type { InboxPage, SourcePorts } from '../../src/sources/source-ports.ts'
import { Sources } from '../../src/sources/sources.ts'

export const START_MS = Date.UTC(2026, 0, 31, 12)
export const COLLECTION = 'col_0000000000000000' as CollectionId
const TENANT = 'ten_0000000000000000' as TenantUid

/** What a site answers at one address; `html` is a body of that type. */
export interface PlayedPage {
  readonly status?: number
  readonly body?: string | Uint8Array<ArrayBuffer>
  readonly mediaType?: string
  readonly redirect?: string
  readonly failure?: 'timeout' | 'network' | 'too_large' | 'wrong_type'
  /** Answered with 304 where the request names it. */
  readonly etag?: string
  readonly robotsTag?: string
  readonly retryAfter?: string
}

export interface JobItem {
  readonly job: string
  readonly name: string
  readonly status: 'queued' | 'unchanged' | 'failed'
  readonly detail: string | null
}

/** Thrown into nothing: who waits for it waits for ever, as a killed object's callers do. */
const FOR_EVER = new Promise<never>(() => undefined)

export class SourceWorld {
  readonly database: SqlDatabase = new NodeSqlDatabase()
  readonly web = new Map<string, PlayedPage>()
  readonly inbox = new Map<string, { etag: string; bytes: Uint8Array<ArrayBuffer> }>()
  readonly requests: (PageRequest & { readonly atMs: number })[] = []
  readonly reported: unknown[] = []
  nowMs = START_MS
  beginning: BeginResult = 'begun'
  hasRoom = true
  /** Happens while a site is asked for something. */
  whileAsked: (() => void) | undefined
  sources: Sources
  /** The number of the call that leaves the object at which it is killed, and whether the call arrives. */
  kills: { readonly afterCalls: number; readonly arrives: boolean }[] = []
  kill: (() => void) | undefined
  #calls = 0
  #operations = 0

  constructor() {
    applyMigrations(this.database, Sources.migrations)
    for (const statement of [
      'CREATE TABLE played_jobs (id TEXT PRIMARY KEY, kind TEXT, state TEXT)',
      'CREATE TABLE played_items (job TEXT, name TEXT, status TEXT, detail TEXT, sha256 TEXT, url TEXT)',
      'CREATE TABLE played_documents (name TEXT PRIMARY KEY, sha256 TEXT)',
    ]) {
      this.database.run(statement)
    }
    this.sources = this.#start()
  }

  /** What the next start of a killed object does. */
  restart(): void {
    this.sources = this.#start()
  }

  async save(settings: SourceSettings, schedule?: string): Promise<{ sourceId: string; jobId: JobId }> {
    this.#operations++
    return this.sources.save(String(this.#operations).padStart(16, '0'), {
      tenantUid: TENANT,
      collectionId: COLLECTION,
      keyId: 'key',
      settings,
      ...(schedule === undefined ? {} : { schedule }),
    })
  }

  async crawl(address: string, settings: Partial<CrawlSettings> = {}): Promise<SourceRecord> {
    const { sourceId } = await this.save(crawlOf(address, settings))
    await this.pass()
    return this.source(sourceId)
  }

  source(id: string): SourceRecord {
    const source = this.sources.find(COLLECTION, id)
    if (source === undefined) throw new Error('no such source')
    return source
  }

  /** Lets time pass until no run is under way; kills happen where they are planned. */
  async pass(endMs = Infinity): Promise<void> {
    for (let turns = 0; ; turns++) {
      if (turns > 5_000) throw new Error('the sources do not come to rest')
      const dueMs = this.sources.nextDueMs() ?? Infinity
      const isRunning = this.database.get('SELECT 1 FROM source_runs') !== undefined
      if (dueMs > endMs || (endMs === Infinity && !isRunning)) break
      this.nowMs = Math.max(this.nowMs, dueMs)
      const killed = new Promise<true>((resolve) => (this.kill = () => resolve(true)))
      if ((await Promise.race([this.sources.run(this.nowMs), killed])) === true) this.restart()
    }
    if (endMs !== Infinity) this.nowMs = endMs
    this.index()
  }

  /** The pipeline: what is queued becomes documents. */
  index(): void {
    for (const { name, sha256: digest } of this.database.all<{ name: string; sha256: string }>(
      `SELECT name, sha256 FROM played_items WHERE status = 'queued' ORDER BY rowid`,
    )) {
      this.database.run('INSERT OR REPLACE INTO played_documents VALUES (?, ?)', name, digest)
    }
    this.database.run(`UPDATE played_items SET status = 'indexed' WHERE status = 'queued'`)
  }

  get documents(): string[] {
    return this.database
      .all<{ name: string }>('SELECT name FROM played_documents ORDER BY name')
      .map(({ name }) => name)
  }

  items(job?: string): JobItem[] {
    return this.database
      .all<JobItem>('SELECT job, name, status, detail FROM played_items ORDER BY rowid')
      .filter((item) => job === undefined || item.job === job)
  }

  failures(): Record<string, string | null> {
    return Object.fromEntries(
      this.items()
        .filter(({ status }) => status === 'failed')
        .map(({ name, detail }) => [name, detail]),
    )
  }

  jobState(id: string): string | undefined {
    return this.database.get<{ state: string }>('SELECT state FROM played_jobs WHERE id = ?', id)?.state
  }

  cancel(id: string): void {
    this.database.run(`UPDATE played_jobs SET state = 'cancelled' WHERE id = ?`, id)
  }

  html(address: string, links: readonly string[] = [], head = ''): void {
    const anchors = links.map((link) => `<a href="${link}">x</a>`).join('')
    this.web.set(address, { body: `<html><head>${head}</head><body><p>${address}</p>${anchors}</body></html>` })
  }

  #start(): Sources {
    // A killed object's instance may still be working; what it does then must not be felt.
    const ports: SourcePorts = {
      intake: this.#intake(),
      fetchPage: (request) => this.#leave(() => this.#fetch(request)),
      inbox: {
        list: (prefix, afterKey, limit) => this.#leave(() => this.#list(prefix, afterKey, limit)),
        get: (key) =>
          this.#leave(() => {
            const object = this.inbox.get(key)
            if (object === undefined) return undefined
            const body = new Blob([object.bytes]).stream() as ReadableStream<Uint8Array>
            return { key, etag: object.etag, bytes: object.bytes.byteLength, body }
          }),
      },
      clock: () => this.nowMs,
      report: (error) => this.reported.push(error),
    }
    return new Sources(this.database, ports)
  }

  /** A call that leaves the object, at which it may be killed. */
  async #leave<T>(work: () => T | Promise<T>): Promise<T> {
    const number = ++this.#calls
    const planned = this.kills.find(({ afterCalls }) => afterCalls === number)
    if (planned === undefined || this.kill === undefined) return work()
    if (planned.arrives) await work()
    this.kill()
    return FOR_EVER
  }

  #fetch(request: PageRequest): PageOutcome {
    this.requests.push({ ...request, atMs: this.nowMs })
    this.whileAsked?.()
    if (publicUrlFault(request.url, 'crawl') !== undefined) return { failure: 'refused' }
    const page = this.web.get(request.url)
    const body = new Uint8Array(0)
    if (page === undefined) return { status: 404, body }
    const { status = 200, mediaType = 'text/html', redirect, failure, etag, robotsTag, retryAfter } = page
    if (failure !== undefined) return { failure }
    if (redirect !== undefined) return { redirect }
    if (etag !== undefined && request.etag === etag) return { status: 304, etag, body }
    const headers = {
      mediaType,
      ...(etag === undefined ? {} : { etag }),
      ...(robotsTag === undefined ? {} : { robotsTag }),
      ...(retryAfter === undefined ? {} : { retryAfter }),
    }
    if (status !== 200) return { status, ...headers, body }
    return { status, ...headers, body: typeof page.body === 'string' ? utf8(page.body) : (page.body ?? body) }
  }

  #list(prefix: string, afterKey: string, limit: number): InboxPage {
    const keys = [...this.inbox.keys()].filter((key) => key.startsWith(prefix) && key > afterKey).sort()
    const objects = keys.slice(0, limit).map((key) => {
      const object = this.inbox.get(key)
      return { key, etag: object?.etag ?? '', bytes: object?.bytes.byteLength ?? 0 }
    })
    return { objects, hasMore: keys.length > limit }
  }

  #intake(): FileIntake {
    const { database } = this
    const item = (job: string, name: string, status: string, detail: string | null, digest = '', url = ''): void => {
      if (this.jobState(job) !== 'open') throw new Error('the job is not open')
      database.run('INSERT INTO played_items VALUES (?, ?, ?, ?, ?, ?)', job, name, status, detail, digest, url)
    }
    return {
      begin: (job) =>
        this.#leave(() => {
          if (this.beginning === 'begun') {
            database.run(`INSERT OR IGNORE INTO played_jobs VALUES (?, ?, 'open')`, job.jobId, job.kind)
          }
          return this.beginning
        }),
      store: (_job, body) =>
        this.#leave(async (): Promise<StoredOriginal> => {
          const bytes = new Uint8Array(
            await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
          )
          return { key: 'k', bytes: bytes.byteLength, sha256: hex(await sha256(bytes)), format: undefined }
        }),
      add: (job: JobId, { name, sha256: digest, url }: IntakeFile) => item(job, name, 'queued', null, digest, url),
      settle: (job: JobId, name: string, outcome: IntakeOutcome) =>
        item(job, name, outcome.status, 'detail' in outcome ? outcome.detail : null),
      remove: (_collection, name) => {
        database.run('DELETE FROM played_documents WHERE name = ?', name)
        database.run(`UPDATE played_items SET status = 'withdrawn' WHERE name = ? AND status = 'queued'`, name)
      },
      end: (job) => database.run(`UPDATE played_jobs SET state = 'ended' WHERE id = ?`, job),
      isOpen: (job) => this.jobState(job) === 'open',
      holds: (_collection, name, digest) =>
        database.get('SELECT 1 FROM played_documents WHERE name = ? AND sha256 = ?', name, digest) !== undefined ||
        database.get(`SELECT 1 FROM played_items WHERE name = ? AND sha256 = ? AND status = 'queued'`, name, digest) !==
          undefined,
      isSuspended: async () => this.beginning === 'suspended',
      hasRoom: () => this.hasRoom,
    }
  }
}

export const crawlOf = (address: string, settings: Partial<CrawlSettings> = {}): CrawlSettings => ({
  kind: 'crawl',
  from: 'page',
  address,
  include: [],
  exclude: [],
  maxPages: 100,
  respectRobots: true,
  ...settings,
})
