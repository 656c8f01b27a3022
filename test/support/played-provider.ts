/**
 * The one fake provider: a real HTTP server on loopback that speaks the protocols of its routes and fails as its script
 * says, one entry for each request. Out of vitest's process it is told over HTTP: `PUT /played/script`, `GET /played/requests`.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { playedScore, playedTokens, playedVector } from './played-embedding.ts'

/** How one request goes wrong; plain data. */
export type PlayedFault =
  /** Nothing, so that a later request can fail. */
  | { readonly fault: 'none' }
  /** Never answers. */
  | { readonly fault: 'silence' }
  /** Answers when the test calls `release`. */
  | { readonly fault: 'slow' }
  /** Status and one byte after the other, without an end. */
  | { readonly fault: 'drip' }
  | { readonly fault: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** 503 of Hugging Face while a model is being loaded. */
  | { readonly fault: 'loading'; readonly estimatedSeconds: number }
  /** Closes the connection without a byte. */
  | { readonly fault: 'reset' }
  /** Half of the body, then the connection breaks. */
  | { readonly fault: 'cut' }
  /** Half of the body as if it were all of it. */
  | { readonly fault: 'half' }
  /** So many vectors, scores or choices more or less. */
  | { readonly fault: 'count'; readonly by: number }
  /** The entries come in reverse; their indexes are right. */
  | { readonly fault: 'reversed' }
  /** All entries say that they are the first. */
  | { readonly fault: 'indexes' }
  | { readonly fault: 'dimensions'; readonly dimensions: number }
  /** The second value of the last vector, or the last score. `nan` is no JSON, as Python's encoder writes it. */
  | { readonly fault: 'number'; readonly value: 'nan' | 'null' | 'text' | 'huge' }
  /** The last vector is all zero. */
  | { readonly fault: 'zero' }
  /** JSON that never ends. */
  | { readonly fault: 'endless' }
  /** A page of HTML with status 200. */
  | { readonly fault: 'page' }
  | { readonly fault: 'redirect'; readonly location: string }
  /** Any answer with status 200. */
  | { readonly fault: 'body'; readonly body: string; readonly type?: string }

export interface PlayedRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Parsed JSON; `undefined` without a body. */
  readonly body: unknown
}

/** A JSON answer, or the data of server-sent events. */
export type PlayedReply =
  | { readonly status?: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly events: readonly string[] }

/** What a protocol builds its answers from; the request's fault is in it already. */
export interface Played {
  embed(texts: readonly string[], dimensions?: number): unknown[][]
  /** Logits. */
  score(query: string, documents: readonly string[]): unknown[]
  /** Gives entries their index, in the order in which they are sent. */
  indexed<T extends object>(entries: readonly T[]): (T & { index: number })[]
  /** Words of an answer, and whether `maxTokens` cut it. */
  say(prompt: string, maxTokens?: number): { words: string[]; cut: boolean }
  tokens(texts: readonly string[]): number
  /** Whether one of the texts is longer than the model reads. */
  isTooLong(texts: readonly string[]): boolean
}

/** One protocol's paths; `undefined` where a request is not its. */
export type PlayedRoute = (request: PlayedRequest, played: Played) => PlayedReply | undefined

export interface PlayedOptions {
  readonly routes: readonly PlayedRoute[]
  /** 64 unless a request names another. */
  readonly dimensions?: number
  /** Longer texts are refused with `tooLongStatus`; 512. */
  readonly maxTokens?: number
  /** Requests without this bearer token are answered 401 with a body that quotes what they sent. */
  readonly apiKey?: string
}

export class PlayedProvider {
  readonly requests: PlayedRequest[] = []
  /** Requests whose caller went away before the answer's end. */
  abandoned = 0
  readonly #options: PlayedOptions
  readonly #server: Server
  readonly #waiting = new Set<() => void>()
  #script: PlayedFault[] = []
  #standing: PlayedFault = { fault: 'none' }
  #held: (() => void)[] = []

  private constructor(options: PlayedOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(options: PlayedOptions): Promise<PlayedProvider> {
    const played = new PlayedProvider(options)
    await new Promise<void>((resolve) => played.#server.listen(0, '127.0.0.1', resolve))
    return played
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The faults of the next requests, in order; after them all is as `always` says. */
  script(...faults: readonly PlayedFault[]): void {
    this.#script.push(...faults)
  }

  /** The fault of every request that the script does not name. */
  always(fault: PlayedFault): void {
    this.#standing = fault
  }

  /** Forgets script, requests and counts. */
  reset(): void {
    this.release()
    this.#script = []
    this.#standing = { fault: 'none' }
    this.requests.length = 0
    this.abandoned = 0
  }

  /** Lets all slow answers go. */
  release(): void {
    for (const go of this.#held.splice(0)) go()
  }

  /** Resolves when `holds`, which is asked again at every request and every abandoned answer. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  async stop(): Promise<void> {
    this.release()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('close', () => {
      if (!response.writableFinished) this.abandoned++
      this.#wake()
    })
    const parts: Buffer[] = []
    try {
      for await (const part of incoming) parts.push(part as Buffer)
    } catch {
      return
    }
    const text = Buffer.concat(parts).toString('utf8')
    const path = incoming.url ?? '/'
    if (path.startsWith('/played/')) return this.#control(path, text, response)
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]))
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const request: PlayedRequest = { method: incoming.method ?? '', path, headers, body }
    this.requests.push(request)
    const fault = this.#script.shift() ?? this.#standing
    this.#wake()
    await this.#answer(request, fault, response)
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  #control(path: string, text: string, response: ServerResponse): void {
    if (path === '/played/script') this.script(...(JSON.parse(text) as PlayedFault[]))
    else if (path === '/played/always') this.always(JSON.parse(text) as PlayedFault)
    else if (path === '/played/reset') this.reset()
    else if (path === '/played/release') this.release()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(path === '/played/requests' ? this.requests : null))
  }

  async #answer(request: PlayedRequest, fault: PlayedFault, response: ServerResponse): Promise<void> {
    if (fault.fault === 'slow') await new Promise<void>((resolve) => this.#held.push(resolve))
    if (answeredWithoutProtocol(fault, response)) return
    const reply = this.#reply(request, fault)
    const isStream = 'events' in reply
    const status = isStream ? 200 : (reply.status ?? 200)
    const headers = isStream ? {} : (reply.headers ?? {})
    const text = isStream ? reply.events.map((data) => `data: ${data}\n\n`).join('') : jsonOf(reply.json)
    const type = isStream ? 'text/event-stream' : 'application/json'
    if (fault.fault === 'cut') {
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
      response.write(text.slice(0, text.length / 2), () => response.destroy())
      return
    }
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(fault.fault === 'half' ? text.slice(0, text.length / 2) : text)
  }

  #reply(request: PlayedRequest, fault: PlayedFault): PlayedReply {
    const { apiKey, routes } = this.#options
    const { authorization = '' } = request.headers
    if (apiKey !== undefined && authorization !== `Bearer ${apiKey}`) {
      return { status: 401, json: { error: { message: `Incorrect API key provided: ${authorization}` } } }
    }
    const played = playedModel(this.#options, fault)
    for (const route of routes) {
      const reply = route(request, played)
      if (reply !== undefined) return reply
    }
    return { status: 404, json: { error: { message: `no such path: ${request.path}` } } }
  }
}

const NAN = '"<<nan>>"'

/** JSON, but for NaN, which several Python servers send as it is. */
const jsonOf = (value: unknown): string => JSON.stringify(value).replaceAll(NAN, 'NaN')

/** Faults below the protocol; whether the fault was one. */
function answeredWithoutProtocol(fault: PlayedFault, response: ServerResponse): boolean {
  const send = (status: number, type: string, body: string, headers: Readonly<Record<string, string>> = {}): void => {
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(body)
  }
  switch (fault.fault) {
    case 'silence':
      return true
    case 'drip': {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"data":[')
      const dripping = setInterval(() => response.write(' '), 2)
      response.on('close', () => clearInterval(dripping))
      return true
    }
    case 'endless': {
      response.writeHead(200, { 'content-type': 'application/json' })
      const part = '0.123456789,'.repeat(5_000)
      const more = (): void => void (response.destroyed ? undefined : response.write(part, more))
      response.write('{"data":[{"embedding":[', more)
      return true
    }
    case 'status': {
      const secret = 'the secret sk-played-1234 of text "confidential"'
      send(fault.status, 'application/json', JSON.stringify({ error: { message: secret } }), fault.headers)
      return true
    }
    case 'loading': {
      const body = { error: 'Model played/model is currently loading', estimated_time: fault.estimatedSeconds }
      send(503, 'application/json', JSON.stringify(body))
      return true
    }
    case 'reset':
      response.destroy()
      return true
    case 'page':
      send(200, 'text/html', '<html><body>Please sign in</body></html>')
      return true
    case 'redirect':
      send(307, 'text/plain', '', { location: fault.location })
      return true
    case 'body':
      send(200, fault.type ?? 'application/json', fault.body)
      return true
    case 'none':
    case 'slow':
    case 'cut':
    case 'half':
    case 'count':
    case 'reversed':
    case 'indexes':
    case 'dimensions':
    case 'number':
    case 'zero':
      break
  }
  return false
}

function playedModel({ dimensions = 64, maxTokens = 512 }: PlayedOptions, fault: PlayedFault): Played {
  return {
    embed(texts, asked) {
      const length = fault.fault === 'dimensions' ? fault.dimensions : (asked ?? dimensions)
      const vectors: unknown[][] = texts.map((text) => playedVector(text, length))
      const last = vectors.at(-1) ?? []
      if (fault.fault === 'number') last[1] = wrongNumber(fault.value)
      if (fault.fault === 'zero') last.fill(0)
      return recounted(vectors, fault)
    },
    score(query, documents) {
      const scores: unknown[] = documents.map((document) => playedScore(query, document))
      if (fault.fault === 'number') scores[scores.length - 1] = wrongNumber(fault.value)
      return recounted(scores, fault)
    },
    indexed(entries) {
      const numbered = entries.map((entry, index) => ({ ...entry, index: fault.fault === 'indexes' ? 0 : index }))
      return fault.fault === 'reversed' ? numbered.reverse() : numbered
    },
    say(prompt, most = Infinity) {
      const words = `You asked: ${prompt}`.split(/(?<=\s)/)
      return { words: words.slice(0, most), cut: words.length > most }
    },
    tokens: (texts) => texts.reduce((sum, text) => sum + playedTokens(text), 0),
    isTooLong: (texts) => texts.some((text) => playedTokens(text) > maxTokens),
  }
}

function recounted<T>(entries: T[], fault: PlayedFault): T[] {
  if (fault.fault !== 'count') return entries
  if (fault.by < 0) return entries.slice(0, fault.by)
  return [...entries, ...Array.from({ length: fault.by }, () => entries[0] as T)]
}

function wrongNumber(value: 'nan' | 'null' | 'text' | 'huge'): unknown {
  const values = { nan: '<<nan>>', null: null, text: 'zero', huge: 1e300 }
  return values[value]
}
