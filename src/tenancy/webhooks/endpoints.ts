/** The table of endpoints: who wants to hear what, and how it went lately. Every method is one transaction at most. */
import { invariant } from '../../core/invariant.ts'
import type { SqlDatabase, SqlValue } from '../../core/sql-database.ts'
import type { WebhookEventType } from '../webhook-events.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** Why an endpoint is disabled without its owner's doing. */
export type DisabledReason =
  /** It answered 410. */
  | 'gone'
  /** Nothing reached it for five days. */
  | 'failing'
  /** More waited for it than are kept. */
  | 'backlog'

export interface WebhookRecord {
  /** `wh_` and 16 base62 characters. */
  readonly id: string
  readonly url: string
  readonly events: readonly WebhookEventType[]
  readonly description?: string
  readonly enabled: boolean
  readonly disabled?: { readonly reason: DisabledReason; readonly atMs: number }
  /** When the first attempt failed since the last that succeeded. */
  readonly failingSinceMs?: number
  /** Deliveries that are not ended. */
  readonly waiting: number
  /** Until when deliveries are signed with the secret before the last rotation, too. */
  readonly previousSecretUntilMs?: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface EndpointRow {
  readonly id: string
  readonly url: string
  readonly events: string
  readonly description: string | null
  readonly enabled: number
  readonly disabled_reason: DisabledReason | null
  readonly disabled_ms: number | null
  readonly failing_since_ms: number | null
  readonly sealed_secret: Bytes
  /** The operation that made the newest secret. */
  readonly rotated_by: string
  readonly previous_secret: Bytes | null
  readonly previous_until_ms: number | null
  readonly waiting: number
  readonly ended: number
  readonly created_ms: number
  readonly updated_ms: number
}

export class Endpoints {
  readonly #database: SqlDatabase

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  count(): number {
    const row = this.#database.get<{ count: number }>('SELECT COUNT(*) AS count FROM webhook_endpoints')
    invariant(row !== undefined, 'a count has a row')
    return row.count
  }

  find(id: string): EndpointRow | undefined {
    return this.#database.get<EndpointRow>('SELECT * FROM webhook_endpoints WHERE id = ?', id)
  }

  /** By id, ascending. */
  list(after: string, limit: number): EndpointRow[] {
    return this.#database.all<EndpointRow>(
      'SELECT * FROM webhook_endpoints WHERE id > ? ORDER BY id LIMIT ?',
      after,
      limit,
    )
  }

  /** Ids of the enabled ones that want to hear of events of this type. */
  subscribed(type: WebhookEventType): string[] {
    const rows = this.#database.all<{ id: string }>(
      `SELECT id FROM webhook_endpoints WHERE enabled = 1
       AND EXISTS (SELECT 1 FROM json_each(webhook_endpoints.events) WHERE value = ?) ORDER BY id`,
      type,
    )
    return rows.map(({ id }) => id)
  }

  add(
    row: Pick<EndpointRow, 'id' | 'url' | 'events' | 'description' | 'sealed_secret' | 'rotated_by' | 'created_ms'>,
  ): void {
    this.#database.run(
      `INSERT INTO webhook_endpoints (id, url, events, description, enabled, sealed_secret, rotated_by, waiting, ended,
         created_ms, updated_ms) VALUES (?, ?, ?, ?, 1, ?, ?, 0, 0, ?, ?)`,
      row.id,
      row.url,
      row.events,
      row.description,
      row.sealed_secret,
      row.rotated_by,
      row.created_ms,
      row.created_ms,
    )
  }

  /** Columns by name; only names that this code writes. */
  set(id: string, columns: Partial<Omit<EndpointRow, 'id'>>): void {
    const names = Object.keys(columns)
    const assignments = names.map((name) => `${name} = ?`).join(', ')
    const values = Object.values(columns) as SqlValue[]
    this.#database.run(`UPDATE webhook_endpoints SET ${assignments} WHERE id = ?`, ...values, id)
  }

  /** Moves deliveries between being awaited and being ended, in numbers. */
  recount(id: string, waiting: number, ended: number): void {
    this.#database.run(
      'UPDATE webhook_endpoints SET waiting = waiting + ?, ended = ended + ? WHERE id = ?',
      waiting,
      ended,
      id,
    )
  }

  disable(id: string, reason: DisabledReason, nowMs: number): void {
    this.set(id, { enabled: 0, disabled_reason: reason, disabled_ms: nowMs })
  }

  remove(id: string): void {
    this.#database.run('DELETE FROM webhook_endpoints WHERE id = ?', id)
  }
}

export function webhookOf(row: EndpointRow, nowMs: number): WebhookRecord {
  const { disabled_reason: reason, disabled_ms: disabledMs, previous_until_ms: untilMs } = row
  return {
    id: row.id,
    url: row.url,
    events: JSON.parse(row.events) as WebhookEventType[],
    ...(row.description === null ? {} : { description: row.description }),
    enabled: row.enabled === 1,
    ...(reason === null || disabledMs === null ? {} : { disabled: { reason, atMs: disabledMs } }),
    ...(row.failing_since_ms === null ? {} : { failingSinceMs: row.failing_since_ms }),
    waiting: row.waiting,
    ...(untilMs === null || untilMs <= nowMs ? {} : { previousSecretUntilMs: untilMs }),
    createdAtMs: row.created_ms,
    updatedAtMs: row.updated_ms,
  }
}
