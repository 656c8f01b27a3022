/**
 * Consumes the queue and its dead letters: each message wakes the object of one tenant, once a batch. A failure is tried
 * again later, a bounded number of times; what nobody understands is dropped. Nothing depends on a message's arrival.
 */
import type { TenantUid } from '../core/ids.ts'
import { asProblem } from '../core/problem.ts'
import { readFileMessage } from './file-message.ts'
import type { FileMessage } from './file-message.ts'

/** Where messages go that failed too often. They are consumed as well, later, so that a redrive needs nobody. */
export const DEAD_LETTER_QUEUE = 'nearfield-files-dead'

const FIRST_RETRY_SECONDS = 5
const MAX_RETRY_SECONDS = 300
/** By then, whatever made a message fail so often may be over. */
const DEAD_LETTER_DELAY_SECONDS = 300

export interface MessagePorts {
  /** `undefined` when there is no such tenant, or none any more. */
  readonly tenantUidOf: (tenantId: string) => Promise<TenantUid | undefined>
  /** Lets the tenant's files object look for queued files. */
  readonly wakeFiles: (tenantUid: TenantUid) => Promise<void>
  /** Lets the tenant's bucket sources look for changes. */
  readonly wakeSources: (tenantUid: TenantUid) => Promise<void>
  readonly log: (line: Readonly<Record<string, unknown>>) => void
}

type Received = Pick<Message, 'body' | 'attempts' | 'ack' | 'retry'>

export interface ReceivedBatch {
  readonly queue: string
  readonly messages: readonly Received[]
}

/** Settles every message of a batch; never throws, because that would repeat those that were done. */
export async function consumeMessages(batch: ReceivedBatch, ports: MessagePorts): Promise<void> {
  const isDead = batch.queue === DEAD_LETTER_QUEUE
  const groups = new Map<string, { readonly message: FileMessage; readonly received: Received[] }>()
  for (const received of batch.messages) {
    const message = readFileMessage(received.body)
    if (message === undefined) {
      ports.log({ level: 'warn', event: 'queue_message_dropped', queue: batch.queue })
      received.ack()
    } else if (isDead && received.attempts === 1) {
      ports.log({ level: 'warn', event: 'queue_dead_letter', queue: batch.queue, kind: message.kind })
      received.retry({ delaySeconds: DEAD_LETTER_DELAY_SECONDS })
    } else {
      const key = message.kind === 'wake' ? message.tenantUid : `inbox/${message.tenantId}`
      const group = groups.get(key) ?? { message, received: [] }
      group.received.push(received)
      groups.set(key, group)
    }
  }
  await Promise.all([...groups.values()].map(({ message, received }) => settle(message, received, ports)))
}

async function settle(message: FileMessage, received: readonly Received[], ports: MessagePorts): Promise<void> {
  try {
    if (message.kind === 'wake') await ports.wakeFiles(message.tenantUid)
    else {
      const tenantUid = await ports.tenantUidOf(message.tenantId)
      if (tenantUid !== undefined) await ports.wakeSources(tenantUid)
    }
    for (const each of received) each.ack()
  } catch (error) {
    // The tenant was erased meanwhile: nothing is left to be done for it.
    if (asProblem(error)?.code === 'not_found') {
      for (const each of received) each.ack()
      return
    }
    // Messages of errors may quote what they failed on, so only their kind is logged.
    const code = error instanceof Error ? error.name : 'unknown'
    ports.log({ level: 'warn', event: 'queue_message_failed', kind: message.kind, code })
    for (const each of received) each.retry({ delaySeconds: retryDelay(each.attempts) })
  }
}

const retryDelay = (attempts: number): number => Math.min(MAX_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (attempts - 1))
