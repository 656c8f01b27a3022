/**
 * Sends what is due: a bounded part of it in each run, several at a time and a few to each endpoint, so that a slow one
 * holds up neither the others nor the object. Nothing is sent inside a transaction.
 */
import { WEBHOOK_FAILING_MS } from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { WebhookOptions } from '../webhooks.ts'
import type { EndpointRow, Endpoints } from './endpoints.ts'
import type { AttemptResult, Claim, Outbox } from './outbox.ts'
import { retryDelayMs } from './retry-schedule.ts'
import { signatureHeaders } from './signature.ts'

type Bytes = Uint8Array<ArrayBuffer>

const CONCURRENT = 10
const CONCURRENT_TO_ENDPOINT = 4
const SENDS_PER_RUN = 50
/** No attempt begins later in a run, because the object's other work waits for its end. */
const RUN_MS = 5_000
const TIMEOUT_MS = 10_000
/** The receiver wants no more of it. */
const GONE = 410

/** Authenticates a sealed secret: a value of another endpoint does not open. */
export const secretContext = (endpointId: string): string => `webhook/${endpointId}`

export class Sender {
  readonly #database: SqlDatabase
  readonly #endpoints: Endpoints
  readonly #outbox: Outbox
  readonly #options: WebhookOptions

  constructor(database: SqlDatabase, endpoints: Endpoints, outbox: Outbox, options: WebhookOptions) {
    this.#database = database
    this.#endpoints = endpoints
    this.#outbox = outbox
    this.#options = options
  }

  async run(nowMs: number): Promise<void> {
    const { clock } = this.#options
    const underWay = new Map<string, number>()
    let left = SENDS_PER_RUN
    const work = async (): Promise<void> => {
      while (left > 0 && clock() < nowMs + RUN_MS) {
        const claim = this.#claimNext(underWay)
        if (claim === undefined) return
        left--
        const { endpointId } = claim
        underWay.set(endpointId, (underWay.get(endpointId) ?? 0) + 1)
        try {
          await this.#attempt(claim)
        } finally {
          underWay.set(endpointId, (underWay.get(endpointId) ?? 0) - 1)
        }
      }
    }
    await Promise.all(Array.from({ length: CONCURRENT }, work))
  }

  /** The longest overdue delivery of an endpoint that is not busy. */
  #claimNext(underWay: ReadonlyMap<string, number>): Claim | undefined {
    const nowMs = this.#options.clock()
    for (const { endpointId, dueMs } of this.#outbox.due()) {
      if (dueMs > nowMs) return undefined
      if ((underWay.get(endpointId) ?? 0) >= CONCURRENT_TO_ENDPOINT) continue
      return this.#outbox.claim(endpointId, nowMs)
    }
    return undefined
  }

  async #attempt(claim: Claim): Promise<void> {
    const endpoint = this.#endpoints.find(claim.endpointId)
    if (endpoint === undefined) return
    const { clock } = this.#options
    const atMs = clock()
    const result = await this.#send(claim, endpoint, atMs)
    this.#database.transaction(() => this.#note(claim, result, atMs, clock()))
  }

  async #send({ eventId, payload }: Claim, endpoint: EndpointRow, atMs: number): Promise<AttemptResult> {
    const secrets = await this.#secrets(endpoint, atMs)
    if (secrets === undefined) return { failure: 'unsigned' }
    const headers = await signatureHeaders(secrets, { id: eventId, atMs, body: payload })
    try {
      return await this.#options.send({ url: endpoint.url, headers, body: payload, timeoutMs: TIMEOUT_MS })
    } catch {
      return { failure: 'network' }
    }
  }

  /** The newest first; `undefined` where it was sealed under a sealing key that is lost. */
  async #secrets(endpoint: EndpointRow, nowMs: number): Promise<Bytes[] | undefined> {
    const { id, previous_secret: previous, previous_until_ms: untilMs, sealed_secret: newest } = endpoint
    const isOverlap = previous !== null && (untilMs ?? 0) > nowMs
    const sealed = isOverlap ? [newest, previous] : [newest]
    const opened = await Promise.all(sealed.map((secret) => this.#options.sealer.open(secret, secretContext(id))))
    const secrets = opened.filter((secret) => secret !== undefined)
    return secrets.length === sealed.length ? secrets : undefined
  }

  #note(claim: Claim, result: AttemptResult, atMs: number, nowMs: number): void {
    const { endpointId, attempts, triesLeft } = claim
    const status = 'status' in result ? result.status : undefined
    const succeeded = status !== undefined && status >= 200 && status < 300
    const isLast = succeeded || status === GONE || triesLeft === 0
    const delayMs = isLast ? undefined : retryDelayMs(attempts.length + 1, this.#options.random())
    const next = delayMs === undefined ? {} : { nextMs: nowMs + delayMs }
    if (!this.#outbox.note(claim, { atMs, ...result }, { succeeded, ...next })) return
    const endpoint = this.#endpoints.find(endpointId)
    if (endpoint === undefined) return
    if (succeeded) {
      if (endpoint.failing_since_ms !== null) this.#endpoints.set(endpointId, { failing_since_ms: null })
      return
    }
    const sinceMs = endpoint.failing_since_ms ?? atMs
    this.#endpoints.set(endpointId, { failing_since_ms: sinceMs })
    if (endpoint.enabled === 0) return
    if (status === GONE) this.#endpoints.disable(endpointId, 'gone', nowMs)
    else if (nowMs - sinceMs >= WEBHOOK_FAILING_MS) this.#endpoints.disable(endpointId, 'failing', nowMs)
  }
}
