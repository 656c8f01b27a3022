/**
 * Webhooks of one tenant, as a part of its object: endpoints with their secrets, and the outbox that its alarm empties.
 * Deliveries are at least once: an event keeps its id over all attempts, and who receives it drops what it has seen.
 */
import { randomBase62 } from '../core/bytes.ts'
import { MAX_WEBHOOKS, WEBHOOK_OVERLAP_MS } from '../core/limits.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { ChangeReport, ReportedChange } from '../core/usage.ts'
import type { TenantPart } from './tenant-part.ts'
import { changeEvent } from './webhook-events.ts'
import type { WebhookEvent, WebhookEventType } from './webhook-events.ts'
import { Endpoints, webhookOf } from './webhooks/endpoints.ts'
import type { EndpointRow, WebhookRecord } from './webhooks/endpoints.ts'
import { Outbox } from './webhooks/outbox.ts'
import type { DeliveryPlace, DeliveryRecord } from './webhooks/outbox.ts'
import { WEBHOOK_MIGRATIONS } from './webhooks/schema.ts'
import { secretContext, Sender } from './webhooks/sender.ts'
import type { WebhookOptions } from './webhooks/sender.ts'
import { newSecret, secretText } from './webhooks/signature.ts'

export type { WebhookRecord } from './webhooks/endpoints.ts'
export type { WebhookOptions } from './webhooks/sender.ts'
export type { Attempt, DeliveryPlace, DeliveryRecord } from './webhooks/outbox.ts'

export interface NewWebhook {
  readonly url: string
  readonly events: readonly WebhookEventType[]
  readonly description?: string
}

/** Absent members stay as they are; `null` removes. */
export interface WebhookChange {
  readonly url?: string
  readonly events?: readonly WebhookEventType[]
  readonly description?: string | null
  readonly enabled?: boolean
}

/** `secret` is shown this once. */
export interface WebhookWithSecret {
  readonly webhook: WebhookRecord
  readonly secret: string
}

export interface WebhookPage {
  readonly limit: number
  /** The id of the last one seen. */
  readonly after?: string
}

export interface DeliveryPage {
  readonly limit: number
  readonly before?: DeliveryPlace
}

/** `absent`: there is no such webhook or delivery; `disabled`: nothing is sent to it until it is enabled. */
export type SendNowResult = DeliveryRecord | 'absent' | 'disabled'

export class Webhooks implements TenantPart {
  static readonly migrations: readonly SqlMigration[] = WEBHOOK_MIGRATIONS

  readonly #database: SqlDatabase
  readonly #options: WebhookOptions
  readonly #endpoints: Endpoints
  readonly #outbox: Outbox
  readonly #sender: Sender

  constructor(database: SqlDatabase, options: WebhookOptions) {
    this.#database = database
    this.#options = options
    this.#endpoints = new Endpoints(database)
    this.#outbox = new Outbox(database, this.#endpoints)
    this.#sender = new Sender(database, this.#endpoints, this.#outbox, options)
  }

  /** `operationId` makes the id, so that a repeated operation makes one webhook; its secret is then a new one. */
  async create(operationId: string, { url, events, description }: NewWebhook): Promise<WebhookWithSecret | 'full'> {
    const id = `wh_${operationId}`
    const { secret, sealed } = await this.#newSecret(id)
    const nowMs = this.#options.clock()
    const isStored = this.#database.transaction((): boolean => {
      if (this.#endpoints.find(id) !== undefined) this.#endpoints.set(id, { sealed_secret: sealed })
      else if (this.#endpoints.count() >= MAX_WEBHOOKS) return false
      else {
        this.#endpoints.add({
          id,
          url,
          events: JSON.stringify(events),
          description: description ?? null,
          sealed_secret: sealed,
          rotated_by: operationId,
          created_ms: nowMs,
        })
      }
      return true
    })
    const webhook = this.find(id)
    return isStored && webhook !== undefined ? { webhook, secret } : 'full'
  }

  /** By id, ascending. */
  list({ limit, after = '' }: WebhookPage): WebhookRecord[] {
    return this.#endpoints.list(after, limit).map((row) => webhookOf(row, this.#options.clock()))
  }

  find(id: string): WebhookRecord | undefined {
    const row = this.#endpoints.find(id)
    return row && webhookOf(row, this.#options.clock())
  }

  /** Enabling one that was disabled sends what waited for it and is not too old. */
  update(id: string, { url, events, description, enabled }: WebhookChange): WebhookRecord | undefined {
    const before = this.#endpoints.find(id)
    if (before === undefined) return undefined
    const isRelieved = enabled === true || (url !== undefined && url !== before.url)
    this.#endpoints.set(id, {
      ...(url === undefined ? {} : { url }),
      ...(events === undefined ? {} : { events: JSON.stringify(events) }),
      ...(description === undefined ? {} : { description }),
      ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0, disabled_reason: null, disabled_ms: null }),
      ...(isRelieved ? { failing_since_ms: null } : {}),
      updated_ms: this.#options.clock(),
    })
    return this.find(id)
  }

  /** False where there was none. What waits for it is dropped. */
  delete(id: string): boolean {
    return this.#database.transaction((): boolean => {
      if (this.#endpoints.find(id) === undefined) return false
      this.#endpoints.remove(id)
      this.#outbox.removeEndpoint(id)
      return true
    })
  }

  /** The secret before stays beside the new one for a day; a repeated operation replaces only what nobody has seen. */
  async rotate(id: string, operationId: string): Promise<WebhookWithSecret | undefined> {
    const { secret, sealed } = await this.#newSecret(id)
    const nowMs = this.#options.clock()
    const before = this.#endpoints.find(id)
    if (before === undefined) return undefined
    const overlap =
      before.rotated_by === operationId
        ? {}
        : { previous_secret: before.sealed_secret, previous_until_ms: nowMs + WEBHOOK_OVERLAP_MS }
    this.#endpoints.set(id, { sealed_secret: sealed, rotated_by: operationId, updated_ms: nowMs, ...overlap })
    const webhook = this.find(id)
    return webhook && { webhook, secret }
  }

  /** Stores nothing where no endpoint wants it. May be part of a transaction. */
  emit(event: WebhookEvent | Omit<WebhookEvent, 'id'>): void {
    this.#outbox.add({ id: `evt_${randomBase62(16)}`, ...event }, this.#options.clock())
  }

  /** What entries of a shard's log tell; part of the transaction that counts them, so that each is told once. */
  changed(report: ChangeReport, fresh: readonly ReportedChange[]): void {
    if (this.#endpoints.count() === 0) return
    for (const change of fresh) {
      const event = changeEvent(report, change)
      if (event !== undefined) this.emit(event)
    }
  }

  /** Sends `webhook.test`, once. */
  test(id: string): SendNowResult {
    const state = this.#stateOf(id)
    return state === 'enabled' ? this.#outbox.addTest(id, this.#options.clock()) : state
  }

  /** Sends the event of a delivery again, now and by the whole schedule; one that still waits is sent now. */
  redeliver(id: string, deliveryId: string): SendNowResult {
    const state = this.#stateOf(id)
    return state === 'enabled' ? (this.#outbox.addAgain(id, deliveryId, this.#options.clock()) ?? 'absent') : state
  }

  /** Newest first; `undefined` where there is no such webhook. */
  deliveries(id: string, { limit, before }: DeliveryPage): DeliveryRecord[] | undefined {
    return this.#endpoints.find(id) && this.#outbox.list(id, limit, before)
  }

  nextDueMs(): number | undefined {
    const times = [this.#outbox.due()[0]?.dueMs, this.#outbox.nextExpiryMs()].filter((time) => time !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async run(nowMs: number): Promise<void> {
    this.#outbox.prune(nowMs)
    await this.#sender.run(nowMs)
  }

  #stateOf(id: string): 'enabled' | 'disabled' | 'absent' {
    const row: EndpointRow | undefined = this.#endpoints.find(id)
    if (row === undefined) return 'absent'
    return row.enabled === 1 ? 'enabled' : 'disabled'
  }

  async #newSecret(id: string): Promise<{ secret: string; sealed: Uint8Array<ArrayBuffer> }> {
    const bytes = newSecret()
    return { secret: secretText(bytes), sealed: await this.#options.sealer.seal(bytes, secretContext(id)) }
  }
}
