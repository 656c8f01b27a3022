/**
 * What the queue carries: that a tenant's object may have something to do. Ids and keys only, never content; messages may
 * be lost, repeated, reordered or late without any harm, because all work is rows that an alarm finds by itself.
 */
import type { TenantUid } from '../core/ids.ts'
import { isTenantId } from '../tenancy/tenant-id.ts'

export interface WakeMessage {
  readonly kind: 'wake'
  readonly tenantUid: TenantUid
}

/** An object of the inbox was written or deleted. Its key begins with the public id of the tenant whose it is. */
export interface InboxMessage {
  readonly kind: 'inbox'
  readonly tenantId: string
}

export type FileMessage = WakeMessage | InboxMessage

/** What a queue's message says, be it one of ours or a notification of the bucket; `undefined` when it is neither. */
export function readFileMessage(body: unknown): FileMessage | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { kind, tenantUid, action, object } = body as Readonly<Record<string, unknown>>
  if (kind === 'wake') return isTenantUid(tenantUid) ? { kind, tenantUid } : undefined
  if (typeof action !== 'string' || typeof object !== 'object' || object === null) return undefined
  const { key } = object as { readonly key?: unknown }
  const tenantId = typeof key === 'string' ? key.slice(0, Math.max(0, key.indexOf('/'))) : ''
  return isTenantId(tenantId) ? { kind: 'inbox', tenantId } : undefined
}

const isTenantUid = (value: unknown): value is TenantUid =>
  typeof value === 'string' && /^ten_[0-9A-Za-z]{16}$/.test(value)

/** Says that a tenant has files to be read. It is a hint: a failure is reported and changes nothing. */
export async function sendWake(
  queue: Pick<Queue<WakeMessage>, 'send'>,
  tenantUid: TenantUid,
  report: (what: string, error: unknown) => void,
): Promise<void> {
  try {
    await queue.send({ kind: 'wake', tenantUid })
  } catch (error) {
    report('queue', error)
  }
}
