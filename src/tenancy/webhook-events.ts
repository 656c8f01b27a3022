/**
 * What webhooks tell: ids, numbers and codes, never content. The receiver fetches what it wants to know more of, with a key
 * that may see it.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import { jobOfWork } from '../core/ids.ts'
import type { ChangeReport, Meter, ReportedChange } from '../core/usage.ts'

/** What an endpoint can subscribe to. */
export const WEBHOOK_EVENTS = [
  'document.indexed',
  'document.failed',
  'job.finished',
  'quota.warning',
  'key.revoked',
] as const

export type WebhookEventType = (typeof WEBHOOK_EVENTS)[number]

export interface WebhookEvent {
  /** `evt_…`; the same event told twice under one id is sent once. */
  readonly id: string
  readonly type: WebhookEventType
  readonly atMs: number
  readonly data: JsonObject
}

/** Codes of dropped work that was no failure: something else decided over the document. */
const NO_FAILURE = new Set(['superseded', 'unchanged', 'cancelled'])

/** What one entry of a shard's log tells; most tell nothing. */
export function changeEvent(
  { collectionId }: Pick<ChangeReport, 'collectionId'>,
  change: ReportedChange,
): Omit<WebhookEvent, 'id'> | undefined {
  const { atMs, code, documentId, jobId, kind, version } = change
  if (documentId === undefined) return undefined
  const job = jobId === undefined ? {} : { jobId: jobOfWork(jobId) }
  if (kind === 'created' || kind === 'replaced') {
    const data = { collectionId, documentId, version: version ?? 0, change: kind, ...job }
    return { type: 'document.indexed', atMs, data }
  }
  if (kind !== 'dropped' || code === undefined || NO_FAILURE.has(code)) return undefined
  return { type: 'document.failed', atMs, data: { collectionId, documentId, code, ...job } }
}

interface FinishedJob {
  /** `job_` and 16 base62 characters. */
  readonly id: string
  readonly collectionId: string
  readonly status: string
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  readonly updatedAtMs: number
}

/** A job ends once, so that its id makes the event's. */
export function jobFinished(job: FinishedJob): WebhookEvent {
  const { id, collectionId, status, total, succeeded, failed, cancelled, updatedAtMs } = job
  const data = { jobId: id, collectionId, status, total, succeeded, failed, cancelled }
  return { id: `evt_${id.slice('job_'.length)}`, type: 'job.finished', atMs: updatedAtMs, data }
}

/** A key is revoked once, so that its id makes the event's. */
export const keyRevoked = (keyId: string, atMs: number): WebhookEvent => ({
  id: `evt_${keyId}`,
  type: 'key.revoked',
  atMs,
  data: { keyId },
})

interface ReachedThreshold {
  readonly meter: Meter
  readonly percent: number
  readonly limit: number
  readonly used: number
  /** Names the window that the limit holds for, such as a day or a month. */
  readonly window: string
  readonly atMs: number
}

export function quotaWarning({
  meter,
  percent,
  limit,
  used,
  window,
  atMs,
}: ReachedThreshold): Omit<WebhookEvent, 'id'> {
  return { type: 'quota.warning', atMs, data: { meter, percent, limit, used, window } }
}
