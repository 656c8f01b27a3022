/**
 * A small client of the HTTP API over `fetch`, for the command line, the page and the tests. It knows the API's paths and
 * shapes and nothing of the server's code. It retries nothing by itself, except where `retries` says so: every request
 * of the API is safe to repeat.
 */

import { readEvents } from './event-stream.ts'
import type { ServerEvent } from './event-stream.ts'

export interface ClientOptions {
  /** Origin of the server, such as `http://127.0.0.1:8787`. */
  readonly url: string
  /** A secret, public or root key, or a token. */
  readonly key?: string
  /** Public id of the tenant that a root key acts for. */
  readonly tenant?: string
  /** How often a request that got 429, 502, 503, 504 or no answer is sent again; 0 by default. */
  readonly retries?: number
}

export interface DocumentInput {
  readonly id: string
  readonly text?: string
  readonly markdown?: string
  readonly html?: string
  readonly title?: string
  readonly url?: string
  readonly language?: string
  readonly metadata?: Record<string, unknown>
  /** Who may read it beside secret keys; absent: every reader of the collection. */
  readonly acl?: readonly string[]
}

export interface DocumentResult {
  readonly id: string
  readonly status: 'created' | 'replaced' | 'unchanged' | 'failed'
  readonly chunks?: number
  readonly version?: number
  readonly error?: { readonly code: string; readonly detail?: string }
}

/** Where a chunk stands in the file that its document comes from. */
export interface FilePlace {
  /** From 1: page or slide. */
  readonly page?: number
  readonly sheet?: string
  readonly row?: number
  /** Seconds. */
  readonly startTime?: number
  readonly endTime?: number
}

export interface Hit extends FilePlace {
  readonly id: string
  readonly documentId: string
  readonly ordinal: number
  readonly score: number
  readonly title?: string
  readonly url?: string
  readonly text: string
  readonly start: number
  readonly end: number
  readonly headings?: readonly string[]
  readonly highlights: readonly { readonly start: number; readonly end: number }[]
  readonly metadata: Record<string, unknown>
}

export interface SearchResult {
  readonly hits: readonly Hit[]
  readonly estimatedTotal: number
  readonly nextCursor: string | null
  readonly tookMs: number
}

export interface Citation extends FilePlace {
  readonly documentId: string
  readonly chunkId: string
  readonly start: number
  readonly end: number
  readonly quote: string
  readonly title?: string
  readonly url?: string
  readonly headings?: readonly string[]
}

export interface AnswerResult {
  readonly answer: string
  readonly citations: readonly Citation[]
  readonly abstained: boolean
}

export interface Job {
  readonly id: string
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled'
  readonly progress: { readonly done: number; readonly total: number }
  readonly counts: { readonly succeeded: number; readonly failed: number; readonly cancelled: number }
  /** The first 100. */
  readonly failures: readonly { readonly documentId: string; readonly code: string; readonly detail?: string }[]
}

export interface FileInput {
  /** With its path, parted by `/`: the document's id, unless the file makes several. */
  readonly name: string
  readonly content: Blob
}

export type FileStatus =
  | 'queued'
  | 'parsing'
  | 'embedding'
  | 'indexed'
  | 'unchanged'
  | 'superseded'
  | 'failed'
  | 'cancelled'

/** One file of a job, as far as it has come; entries of an archive are files of their own. */
export interface JobFile {
  readonly name: string
  readonly status: FileStatus
  /** Of files that are one document. */
  readonly documentId?: string
  /** Why it failed, and a sentence about what to do. */
  readonly code?: string
  readonly detail?: string
  readonly bytes: number
  readonly documents: number
  readonly failedDocuments: number
  readonly chunks: number
  readonly embeddedChunks: number
}

export interface CollectionInfo {
  readonly id: string
  readonly name: string
  readonly generation: string
  readonly statistics: {
    readonly documents: number
    readonly chunks: number
    readonly bytes: number
    readonly pending: number
  }
}

export type PutResult = { readonly results: readonly DocumentResult[] } | { readonly job: { readonly id: string } }

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** A problem answer of the server (RFC 9457), or a status that carries none. */
export class NearfieldError extends Error {
  override readonly name = 'NearfieldError'
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]

  constructor(status: number, body: Record<string, unknown>) {
    const errors = Array.isArray(body['errors']) ? (body['errors'] as { pointer: string; detail: string }[]) : []
    const detail = text(body['detail']) ?? text(body['title']) ?? `the server answered ${status}`
    const field = errors[0]
    super(field === undefined || detail.includes(field.pointer) ? detail : `${field.pointer}: ${field.detail}`)
    this.status = status
    this.code = text(body['code']) ?? 'unknown'
    this.requestId = text(body['requestId'])
    this.errors = errors
  }
}

const RETRYABLE = new Set([429, 502, 503, 504])
const MAX_PAUSE_MS = 30_000

export class NearfieldClient {
  readonly #options: ClientOptions

  constructor(options: ClientOptions) {
    this.#options = { ...options, url: options.url.replace(/\/+$/, '') }
  }

  get url(): string {
    return this.#options.url
  }

  /**
   * Sends one request and returns the parsed JSON body (`undefined` for 204). Forms and blobs are sent as they are,
   * anything else as JSON. @throws NearfieldError
   */
  async request<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const { url, retries = 0 } = this.#options
    const isRaw = body instanceof FormData || body instanceof Blob
    const init: RequestInit = {
      method,
      headers: {
        ...this.#credentials(),
        ...(body === undefined || isRaw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    }
    for (let attempt = 0; ; attempt++) {
      const response = await fetch(url + path, init).catch((error: unknown) => {
        if (attempt >= retries) throw error
        return undefined
      })
      if (response !== undefined && (attempt >= retries || !RETRYABLE.has(response.status))) return read<T>(response)
      await response?.body?.cancel()
      const asked = Number(response?.headers.get('retry-after') ?? Number.NaN) * 1_000
      const pauseMs = Number.isFinite(asked) ? asked : 250 * 2 ** attempt
      await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, MAX_PAUSE_MS)))
    }
  }

  /** Sends one request and returns its body as it comes. @throws NearfieldError */
  async stream(method: string, path: string, headers: Record<string, string> = {}): Promise<AsyncIterable<Uint8Array>> {
    const response = await fetch(this.url + path, { method, headers: { ...this.#credentials(), ...headers } })
    if (!response.ok) return read(response)
    return response.body ?? noBytes()
  }

  #credentials(): Record<string, string> {
    const { key, tenant } = this.#options
    return {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(tenant === undefined ? {} : { 'nearfield-tenant': tenant }),
    }
  }

  put(
    collection: string,
    documents: readonly DocumentInput[],
    headers: Record<string, string> = {},
  ): Promise<PutResult> {
    return this.request('PUT', `/v1/collections/${encodeURIComponent(collection)}/documents`, { documents }, headers)
  }

  /** Uploads files as one job; they are durable when it returns, and indexed or failed when the job has ended. */
  async uploadFiles(collection: string, files: readonly FileInput[]): Promise<{ readonly id: string }> {
    const form = new FormData()
    for (const { name, content } of files) form.append('file', content, name)
    const path = `/v1/collections/${encodeURIComponent(collection)}/files`
    return (await this.request<{ job: { id: string } }>('POST', path, form)).job
  }

  /** Deletes what a filter matches, or documents by id; answers how many there were. */
  async deleteDocuments(
    collection: string,
    what: { readonly ids: readonly string[] } | { readonly filter: Record<string, unknown> },
  ): Promise<number> {
    const path = `/v1/collections/${encodeURIComponent(collection)}/documents/delete`
    return (await this.request<{ deleted: number }>('POST', path, what)).deleted
  }

  search(collection: string, request: Record<string, unknown>): Promise<SearchResult> {
    return this.request('POST', `/v1/collections/${encodeURIComponent(collection)}/search`, request)
  }

  answer(collection: string, request: Record<string, unknown>): Promise<AnswerResult> {
    return this.request('POST', `/v1/collections/${encodeURIComponent(collection)}/answers`, request)
  }

  collection(name: string): Promise<CollectionInfo> {
    return this.request('GET', `/v1/collections/${encodeURIComponent(name)}`)
  }

  collections(): Promise<{ data: CollectionInfo[]; nextCursor: string | null }> {
    return this.request('GET', '/v1/collections?limit=1000')
  }

  createCollection(request: Record<string, unknown>): Promise<CollectionInfo> {
    return this.request('POST', '/v1/collections', request)
  }

  job(id: string): Promise<Job> {
    return this.request('GET', `/v1/jobs/${encodeURIComponent(id)}`)
  }

  /** One page of a job's files, in the order of the upload; entries of archives come behind. */
  getJobFiles(
    id: string,
    page: { readonly limit?: number; readonly cursor?: string; readonly status?: FileStatus } = {},
  ): Promise<{ data: JobFile[]; nextCursor: string | null }> {
    const query = new URLSearchParams(Object.entries(page).map(([name, value]) => [name, String(value)]))
    return this.request('GET', `/v1/jobs/${encodeURIComponent(id)}/files?${query.toString()}`)
  }

  /** What becomes of a job, until it has ended or the connection breaks; go on with the last event's id. */
  async *jobEvents(id: string, lastEventId?: string): AsyncGenerator<ServerEvent> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    yield* readEvents(await this.stream('GET', `/v1/jobs/${encodeURIComponent(id)}/events`, headers))
  }

  /** Tries the failed files of a job again whose originals are still there. */
  retryJob(id: string): Promise<unknown> {
    return this.request('POST', `/v1/jobs/${encodeURIComponent(id)}/retry`)
  }

  cancelJob(id: string): Promise<unknown> {
    return this.request('POST', `/v1/jobs/${encodeURIComponent(id)}/cancel`)
  }

  /** Polls a job until it has ended; `onProgress` sees every state. */
  async waitForJob(id: string, onProgress: (job: Job) => void = () => {}): Promise<Job> {
    for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 1.5, 1_000)) {
      const job = await this.job(id)
      onProgress(job)
      if (job.status !== 'queued' && job.status !== 'running') return job
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

async function read<T>(response: Response): Promise<T> {
  const raw = await response.text()
  let body: unknown
  try {
    body = raw === '' ? undefined : JSON.parse(raw)
  } catch {
    body = { detail: raw.slice(0, 200) }
  }
  if (!response.ok) throw new NearfieldError(response.status, (body ?? {}) as Record<string, unknown>)
  return body as T
}
