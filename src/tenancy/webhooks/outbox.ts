/**
 * Events on their way: one row an event, one row for each endpoint that is to hear it. A delivery waits while it has a time
 * to be tried at; a row is there before anything is sent and stays until an answer is written down, so that whatever dies
 * in between, it is sent again.
 *
 *   waiting ── claim ──> waiting (leased) ── 2xx ──> succeeded
 *      ^                    ├─ failure, tries left ──> waiting, later
 *      └── lease ends ──────┤  (the object died)
 *                           └─ failure, none left; 410 ──> failed
 */
import { randomBase62, utf8Length } from '../../core/bytes.ts'
import { rfc3339 } from '../../core/clock.ts'
import { invariant } from '../../core/invariant.ts'
import {
  MAX_ENDED_DELIVERIES,
  MAX_WAITING_DELIVERIES,
  MAX_WEBHOOK_PAYLOAD_BYTES,
  MAX_WEBHOOKS,
  WEBHOOK_RETENTION_MS,
} from '../../core/limits.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { WebhookEvent } from '../webhook-events.ts'
import type { Endpoints } from './endpoints.ts'
import { MAX_ATTEMPTS } from './retry-schedule.ts'

/** How an attempt ended: the receiver's status, or why there was none. */
export type AttemptResult =
  | { readonly status: number }
  | { readonly failure: 'refused' | 'timeout' | 'network' | 'redirect' | 'unsigned' }

export type Attempt = { readonly atMs: number } & AttemptResult

export interface DeliveryRecord {
  /** `dlv_` and 16 base62 characters. */
  readonly id: string
  readonly eventId: string
  readonly type: string
  readonly status: 'waiting' | 'succeeded' | 'failed'
  /** Oldest first. */
  readonly attempts: readonly Attempt[]
  readonly nextAttemptAtMs?: number
  readonly createdAtMs: number
}

interface DeliveryRow {
  readonly id: string
  readonly endpoint_id: string
  readonly event_id: string
  readonly status: DeliveryRecord['status']
  readonly attempts: string
  readonly tries_left: number
  readonly next_ms: number | null
  readonly created_ms: number
}

/** An endpoint with something to send. */
export interface Due {
  readonly endpointId: string
  readonly dueMs: number
  /** The last attempt to send it anything failed. */
  readonly isFailing: boolean
}

/** What is to be sent. */
export interface Claim {
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly payload: string
  readonly attempts: readonly Attempt[]
  readonly triesLeft: number
}

/** Longer than a receiver may take; a delivery whose sender died is tried again after it. */
const LEASE_MS = 30_000
const PRUNE_BATCH = 500
const DELIVERY = `SELECT d.*, e.type FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id`

export class Outbox {
  readonly #database: SqlDatabase
  readonly #endpoints: Endpoints

  constructor(database: SqlDatabase, endpoints: Endpoints) {
    this.#database = database
    this.#endpoints = endpoints
  }

  /** Stores an event for every endpoint that wants it; nothing where none does, or where it was told before. */
  add(event: WebhookEvent, nowMs: number): void {
    this.#database.transaction(() => {
      const endpointIds = this.#endpoints.subscribed(event.type)
      if (endpointIds.length === 0 || this.#hasEvent(event.id)) return
      this.#addEvent(event.id, event.type, payloadOf(event.type, event.atMs, event.data), nowMs)
      for (const endpointId of endpointIds) this.#wait(endpointId, event.id, MAX_ATTEMPTS, nowMs)
    })
  }

  /** An event for one endpoint only, tried once. */
  addTest(endpointId: string, nowMs: number): DeliveryRecord {
    return this.#database.transaction((): DeliveryRecord => {
      const eventId = `evt_${randomBase62(16)}`
      this.#addEvent(eventId, 'webhook.test', payloadOf('webhook.test', nowMs, { webhookId: endpointId }), nowMs)
      return this.#record(this.#wait(endpointId, eventId, 1, nowMs))
    })
  }

  /** Sends the event of a delivery again, at once and under its old id; `undefined` for a delivery of another endpoint, or none. */
  addAgain(endpointId: string, deliveryId: string, nowMs: number): DeliveryRecord | undefined {
    return this.#database.transaction((): DeliveryRecord | undefined => {
      const row = this.#row(deliveryId)
      if (row?.endpoint_id !== endpointId) return undefined
      if (row.next_ms !== null) {
        this.#database.run('UPDATE webhook_deliveries SET next_ms = ? WHERE id = ?', nowMs, deliveryId)
        return this.#record(deliveryId)
      }
      this.#database.run(
        'UPDATE webhook_events SET expires_ms = ? WHERE id = ?',
        nowMs + WEBHOOK_RETENTION_MS,
        row.event_id,
      )
      return this.#record(this.#wait(endpointId, row.event_id, MAX_ATTEMPTS, nowMs))
    })
  }

  /** Newest first; `before` is the place of the last one seen. */
  list(endpointId: string, limit: number, before?: DeliveryPlace): DeliveryRecord[] {
    const { createdAtMs, id } = before ?? { createdAtMs: Number.MAX_SAFE_INTEGER, id: '' }
    const rows = this.#database.all<DeliveryRow & { type: string }>(
      `${DELIVERY} WHERE d.endpoint_id = ? AND (d.created_ms, d.id) < (?, ?)
       ORDER BY d.created_ms DESC, d.id DESC LIMIT ?`,
      endpointId,
      createdAtMs,
      id,
      limit,
    )
    return rows.map(recordOf)
  }

  /** When the next delivery of each enabled endpoint is to be tried; the earliest first. */
  due(): Due[] {
    const rows = this.#database.all<Omit<Due, 'isFailing'> & { isFailing: number }>(
      `SELECT * FROM (
         SELECT e.id AS endpointId, e.failing_since_ms IS NOT NULL AS isFailing, (
           SELECT MIN(next_ms) FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.next_ms IS NOT NULL
         ) AS dueMs FROM webhook_endpoints e WHERE e.enabled = 1
       ) WHERE dueMs IS NOT NULL ORDER BY dueMs, endpointId`,
    )
    return rows.map(({ isFailing, ...row }) => ({ ...row, isFailing: isFailing === 1 }))
  }

  /** Takes the longest overdue delivery of an endpoint that has one for one attempt. */
  claim(endpointId: string, nowMs: number): Claim {
    return this.#database.transaction((): Claim => {
      const row = this.#database.get<DeliveryRow & { payload: string }>(
        `SELECT d.*, e.payload FROM webhook_deliveries d JOIN webhook_events e ON e.id = d.event_id
         WHERE d.endpoint_id = ? AND d.next_ms IS NOT NULL AND d.next_ms <= ? ORDER BY d.next_ms LIMIT 1`,
        endpointId,
        nowMs,
      )
      invariant(row !== undefined, 'an endpoint that is due has a delivery that is')
      this.#database.run('UPDATE webhook_deliveries SET next_ms = ? WHERE id = ?', nowMs + LEASE_MS, row.id)
      return {
        id: row.id,
        endpointId,
        eventId: row.event_id,
        payload: row.payload,
        attempts: attemptsOf(row),
        triesLeft: row.tries_left - 1,
      }
    })
  }

  /** Writes an attempt down. `nextMs`: when to try again; without it the delivery has ended. False where it is gone or had ended. */
  note(claim: Claim, attempt: Attempt, outcome: { readonly succeeded: boolean; readonly nextMs?: number }): boolean {
    const row = this.#row(claim.id)
    if (row === undefined || row.next_ms === null) return false
    const status = outcome.nextMs !== undefined ? 'waiting' : outcome.succeeded ? 'succeeded' : 'failed'
    this.#database.run(
      'UPDATE webhook_deliveries SET status = ?, attempts = ?, tries_left = ?, next_ms = ? WHERE id = ?',
      status,
      JSON.stringify([...claim.attempts, attempt]),
      claim.triesLeft,
      outcome.nextMs ?? null,
      claim.id,
    )
    if (outcome.nextMs === undefined) this.#endpoints.recount(claim.endpointId, -1, 1)
    return true
  }

  /** Forgets everything of a deleted endpoint. */
  removeEndpoint(endpointId: string): void {
    const events = this.#database.all<{ event_id: string }>(
      'SELECT DISTINCT event_id FROM webhook_deliveries WHERE endpoint_id = ?',
      endpointId,
    )
    this.#database.run('DELETE FROM webhook_deliveries WHERE endpoint_id = ?', endpointId)
    for (const { event_id: id } of events) this.#dropUnheard(id)
  }

  nextExpiryMs(): number | undefined {
    const row = this.#database.get<{ next: number | null }>('SELECT MIN(expires_ms) AS next FROM webhook_events')
    return row?.next ?? undefined
  }

  /** Removes a batch of what is too old, and of what is too much of one endpoint. */
  prune(nowMs: number): void {
    this.#database.transaction(() => {
      const expired = this.#database.all<{ id: string }>(
        'SELECT id FROM webhook_events WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?',
        nowMs,
        PRUNE_BATCH,
      )
      for (const { id } of expired) {
        const rows = this.#database.all<DeliveryRow>('SELECT * FROM webhook_deliveries WHERE event_id = ?', id)
        for (const row of rows) this.#remove(row)
        this.#database.run('DELETE FROM webhook_events WHERE id = ?', id)
      }
      for (const { id, ended } of this.#endpoints.list('', MAX_WEBHOOKS)) this.#trim(id, ended)
    })
  }

  #trim(endpointId: string, ended: number): void {
    if (ended <= MAX_ENDED_DELIVERIES) return
    const rows = this.#database.all<DeliveryRow>(
      `SELECT * FROM webhook_deliveries WHERE endpoint_id = ? AND next_ms IS NULL ORDER BY created_ms, id LIMIT ?`,
      endpointId,
      Math.min(ended - MAX_ENDED_DELIVERIES, PRUNE_BATCH),
    )
    for (const row of rows) {
      this.#remove(row)
      this.#dropUnheard(row.event_id)
    }
  }

  #remove(row: DeliveryRow): void {
    this.#database.run('DELETE FROM webhook_deliveries WHERE id = ?', row.id)
    this.#endpoints.recount(row.endpoint_id, row.next_ms === null ? 0 : -1, row.next_ms === null ? -1 : 0)
  }

  #dropUnheard(eventId: string): void {
    this.#database.run(
      'DELETE FROM webhook_events WHERE id = ? AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE event_id = ?)',
      eventId,
      eventId,
    )
  }

  #addEvent(id: string, type: string, payload: string, nowMs: number): void {
    this.#database.run(
      'INSERT INTO webhook_events (id, type, payload, expires_ms) VALUES (?, ?, ?, ?)',
      id,
      type,
      payload,
      nowMs + WEBHOOK_RETENTION_MS,
    )
  }

  /** Adds a delivery that is due at once; an endpoint with too many of them is disabled. */
  #wait(endpointId: string, eventId: string, tries: number, nowMs: number): string {
    const id = `dlv_${randomBase62(16)}`
    this.#database.run(
      `INSERT INTO webhook_deliveries (id, endpoint_id, event_id, status, attempts, tries_left, next_ms, created_ms)
       VALUES (?, ?, ?, 'waiting', '[]', ?, ?, ?)`,
      id,
      endpointId,
      eventId,
      tries,
      nowMs,
      nowMs,
    )
    this.#endpoints.recount(endpointId, 1, 0)
    const endpoint = this.#endpoints.find(endpointId)
    invariant(endpoint !== undefined, 'deliveries are of webhooks that exist')
    if (endpoint.waiting >= MAX_WAITING_DELIVERIES) this.#endpoints.disable(endpointId, 'backlog', nowMs)
    return id
  }

  #hasEvent(id: string): boolean {
    return this.#database.get('SELECT 1 FROM webhook_events WHERE id = ?', id) !== undefined
  }

  #row(id: string): DeliveryRow | undefined {
    return this.#database.get<DeliveryRow>('SELECT * FROM webhook_deliveries WHERE id = ?', id)
  }

  #record(id: string): DeliveryRecord {
    const row = this.#database.get<DeliveryRow & { type: string }>(`${DELIVERY} WHERE d.id = ?`, id)
    invariant(row !== undefined, 'a delivery that was just written is there')
    return recordOf(row)
  }
}

/** Where a delivery stands in the list of its endpoint. */
export interface DeliveryPlace {
  readonly createdAtMs: number
  readonly id: string
}

const attemptsOf = ({ attempts }: DeliveryRow): Attempt[] => JSON.parse(attempts) as Attempt[]

function recordOf(row: DeliveryRow & { readonly type: string }): DeliveryRecord {
  return {
    id: row.id,
    eventId: row.event_id,
    type: row.type,
    status: row.status,
    attempts: attemptsOf(row),
    ...(row.next_ms === null ? {} : { nextAttemptAtMs: row.next_ms }),
    createdAtMs: row.created_ms,
  }
}

function payloadOf(type: string, atMs: number, data: WebhookEvent['data']): string {
  const payload = JSON.stringify({ type, timestamp: rfc3339(atMs), data })
  invariant(utf8Length(payload) < MAX_WEBHOOK_PAYLOAD_BYTES, 'an event fits into a delivery')
  return payload
}
