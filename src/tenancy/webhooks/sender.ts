/**
 * Sends what is due: a bounded part of it in each run, several at a time and a few to each endpoint, so that a slow one
 * holds up neither the others nor the object. Nothing is sent inside a transaction.
 */
import type { Clock } from '../../core/clock.ts'
import { invariant } from '../../core/invariant.ts'
import { WEBHOOK_FAILING_MS } from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { DeliveryOutcome, DeliveryRequest } from '../../egress/egress-api.ts'
import type { Sealer } from '../sealing.ts'
import type { EndpointRow, Endpoints } from './endpoints.ts'
import type { AttemptResult, Claim, Due, Outbox } from './outbox.ts'
import { retryDelayMs } from './retry-schedule.ts'
import { signatureHeaders } from './signature.ts'

type Bytes = Uint8Array<ArrayBuffer>

const CONCURRENT = 10
const CONCURRENT_TO_ENDPOINT = 4
/** Of all endpoints together to which the last attempt failed, so that they leave room for the others. */
const CONCURRENT_FAILING = 5
/** Of one of them, until it answers again. */
const CONCURRENT_TO_FAILING = 1
/** Each is a call, of which the platform allows an invocation 1,000. */
const SENDS_PER_RUN = 500
/** No attempt begins later in a run, because the object's other work waits for its end. */
const RUN_MS = 5_000
const TIMEOUT_MS = 10_000
/** The receiver wants no more of it. */
const GONE = 410

export interface WebhookOptions {
  readonly sealer: Sealer
  /** Makes one attempt; what it throws counts as a failed one. */
  readonly send: (request: DeliveryRequest) => Promise<DeliveryOutcome>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
}

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
    const underWay = new Set<Due>()
    let left = SENDS_PER_RUN
    const work = async (): Promise<void> => {
      while (left > 0 && clock() < nowMs + RUN_MS) {
        const due = this.#nextDue(underWay)
        if (due === undefined) return
        left--
        underWay.add(due)
        try {
          await this.#attempt(this.#outbox.claim(due.endpointId, clock()))
        } finally {
          underWay.delete(due)
        }
      }
    }
    await Promise.all(Array.from({ length: CONCURRENT }, work))
  }

  /** The endpoint that waits longest of those that are not busy. */
  #nextDue(underWay: ReadonlySet<Due>): Due | undefined {
    const nowMs = this.#options.clock()
    const busy = [...underWay]
    const failing = busy.filter(({ isFailing }) => isFailing).length
    return this.#outbox.due().find(({ endpointId, isFailing, dueMs }) => {
      if (dueMs > nowMs || (isFailing && failing >= CONCURRENT_FAILING)) return false
      const most = isFailing ? CONCURRENT_TO_FAILING : CONCURRENT_TO_ENDPOINT
      return busy.filter((other) => other.endpointId === endpointId).length < most
    })
  }

  async #attempt(claim: Claim): Promise<void> {
    const endpoint = this.#endpoints.find(claim.endpointId)
    invariant(endpoint !== undefined, 'what is claimed is of a webhook that exists')
    const { clock } = this.#options
    const atMs = clock()
    const result = await this.#send(claim, endpoint, atMs)
    if (result === undefined) return
    this.#database.transaction(() => this.#note(claim, result, atMs, clock()))
  }

  /** `undefined` where it was not sent, because the endpoint went while it was signed. */
  async #send({ eventId, payload }: Claim, endpoint: EndpointRow, atMs: number): Promise<AttemptResult | undefined> {
    const secrets = await this.#secrets(endpoint, atMs)
    if (secrets === undefined) return { failure: 'unsigned' }
    const headers = await signatureHeaders(secrets, { id: eventId, atMs, body: payload })
    // After an erasure this throws, because the tables are gone.
    if (this.#endpoints.find(endpoint.id) === undefined) return undefined
    try {
      return await this.#options.send({ url: endpoint.url, headers, body: payload, timeoutMs: TIMEOUT_MS })
    } catch {
      return { failure: 'network' }
    }
  }

  /** The newest first; `undefined` where it was sealed under a sealing key that is lost. */
  async #secrets(endpoint: EndpointRow, nowMs: number): Promise<Bytes[] | undefined> {
    const { id, previous_secret: previous, previous_until_ms: untilMs, sealed_secret: newest } = endpoint
    const isOverlap = untilMs !== null && untilMs > nowMs
    const sealed = [newest, isOverlap ? previous : null].filter((secret) => secret !== null)
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
    invariant(endpoint !== undefined, 'the deliveries of a webhook go with it')
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
