/**
 * A small client of the HTTP API over `fetch`, for the command line, the page and the tests. It knows the API's paths and
 * shapes and nothing of the server's code. It retries nothing by itself, except where `retries` says so: every request
 * of the API is safe to repeat.
 */

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

export interface Hit {
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

export interface Citation {
  readonly documentId: string
  readonly chunkId: string
  readonly start: number
  readonly end: number
  readonly quote: string
  readonly title?: string
  readonly url?: string
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

  /** Sends one request and returns the parsed JSON body (`undefined` for 204). @throws NearfieldError */
  async request<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    const { url, key, tenant, retries = 0 } = this.#options
    const init: RequestInit = {
      method,
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(tenant === undefined ? {} : { 'nearfield-tenant': tenant }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
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
  async stream(method: string, path: string): Promise<AsyncIterable<Uint8Array>> {
    const { url, key, tenant } = this.#options
    const headers = {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(tenant === undefined ? {} : { 'nearfield-tenant': tenant }),
    }
    const response = await fetch(url + path, { method, headers })
    if (!response.ok || response.body === null) return read(response)
    return response.body
  }

  put(
    collection: string,
    documents: readonly DocumentInput[],
    headers: Record<string, string> = {},
  ): Promise<PutResult> {
    return this.request('PUT', `/v1/collections/${encodeURIComponent(collection)}/documents`, { documents }, headers)
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
