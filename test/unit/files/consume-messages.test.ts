/** What becomes of the queue's messages: hints that may be repeated, reordered, malformed or dead without any harm. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { newTenantUid } from '../../../src/core/ids.ts'
import { Problem } from '../../../src/core/problem.ts'
import { consumeMessages, DEAD_LETTER_QUEUE } from '../../../src/files/consume-messages.ts'
import type { MessagePorts } from '../../../src/files/consume-messages.ts'
import { readFileMessage, sendWake } from '../../../src/files/file-message.ts'

const QUEUE = 'nearfield-files'

class FakeMessage {
  readonly body: unknown
  readonly attempts: number
  readonly outcomes: string[] = []

  constructor(body: unknown, attempts = 1) {
    this.body = body
    this.attempts = attempts
  }

  ack(): void {
    this.outcomes.push('ack')
  }

  retry(options?: { delaySeconds?: number }): void {
    this.outcomes.push(`retry after ${options?.delaySeconds}`)
  }
}

class FakePorts implements MessagePorts {
  readonly woken: string[] = []
  readonly lines: Readonly<Record<string, unknown>>[] = []
  readonly tenants = new Map<string, TenantUid>()
  failure: Error | undefined

  tenantUidOf = async (tenantId: string) => this.tenants.get(tenantId)
  wakeFiles = async (tenantUid: TenantUid) => this.#wake(`files ${tenantUid}`)
  wakeSources = async (tenantUid: TenantUid) => this.#wake(`sources ${tenantUid}`)
  log = (line: Readonly<Record<string, unknown>>) => void this.lines.push(line)

  #wake(what: string): void {
    if (this.failure !== undefined) throw this.failure
    this.woken.push(what)
  }
}

const wake = (tenantUid: TenantUid) => ({ kind: 'wake', tenantUid })
const notification = (key: string) => ({
  account: '3f4b7e3d',
  action: 'PutObject',
  bucket: 'nearfield-inbox',
  object: { key, size: 10, eTag: 'abc' },
  eventTime: '2026-05-24T19:36:44.379Z',
})

describe('a batch of messages', () => {
  it('wakes each tenant once, however often and in whatever order its messages come', async () => {
    const [one, two] = [newTenantUid(), newTenantUid()]
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(one, two), { minLength: 1 }), async (uids) => {
        const ports = new FakePorts()
        const messages = uids.map((uid) => new FakeMessage(wake(uid)))
        await consumeMessages({ queue: QUEUE, messages }, ports)
        expect(ports.woken.toSorted()).toEqual([...new Set(uids)].map((uid) => `files ${uid}`).toSorted())
        for (const { outcomes } of messages) expect(outcomes).toEqual(['ack'])
      }),
    )
  })

  it('wakes the sources of the tenant whose id an object in the inbox begins with', async () => {
    const ports = new FakePorts()
    const uid = newTenantUid()
    ports.tenants.set('acme', uid)
    const messages = ['acme/a.pdf', 'acme/b/c.pdf', 'nobody/a.pdf'].map((key) => new FakeMessage(notification(key)))
    await consumeMessages({ queue: QUEUE, messages }, ports)
    expect(ports.woken).toEqual([`sources ${uid}`])
    for (const { outcomes } of messages) expect(outcomes).toEqual(['ack'])
  })

  it('drops what it does not understand, says so without quoting it, and does the rest', async () => {
    const ports = new FakePorts()
    const uid = newTenantUid()
    const bodies = [
      undefined,
      null,
      'secret',
      42,
      [],
      {},
      { kind: 'wake' },
      { kind: 'wake', tenantUid: '../secret' },
      { kind: 'sleep', tenantUid: uid },
      notification('secret.pdf'),
      notification('/secret'),
      notification('UPPER/secret'),
      { action: 'PutObject', object: null },
      { action: 'PutObject', object: { key: 7 } },
      { object: { key: 'acme/secret' } },
    ]
    const messages = [...bodies.map((body) => new FakeMessage(body)), new FakeMessage(wake(uid))]
    await consumeMessages({ queue: QUEUE, messages }, ports)
    for (const { outcomes } of messages) expect(outcomes).toEqual(['ack'])
    expect(ports.woken).toEqual([`files ${uid}`])
    expect(ports.lines).toHaveLength(bodies.length)
    expect(JSON.stringify(ports.lines)).not.toContain('secret')
  })

  it('never throws and settles every message exactly once, whatever the bodies are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.anything()),
        fc.boolean(),
        fc.constantFrom(QUEUE, DEAD_LETTER_QUEUE),
        async (bodies, fails, queue) => {
          const ports = new FakePorts()
          if (fails) ports.failure = new Error('away')
          const messages = bodies.map((body, index) => new FakeMessage(body, 1 + (index % 6)))
          await consumeMessages({ queue, messages }, ports)
          for (const { outcomes } of messages) expect(outcomes).toHaveLength(1)
        },
      ),
    )
  })

  it('tries again ever later when an object does not answer, without holding up other tenants', async () => {
    const ports = new FakePorts()
    const [bad, good] = [newTenantUid(), newTenantUid()]
    const woken: TenantUid[] = []
    ports.wakeFiles = async (uid) => {
      if (uid === bad) throw new Error('a message that quotes a secret')
      woken.push(uid)
    }
    const messages = [new FakeMessage(wake(bad), 1), new FakeMessage(wake(good)), new FakeMessage(wake(bad), 4)]
    await consumeMessages({ queue: QUEUE, messages }, ports)
    expect(messages.map(({ outcomes }) => outcomes)).toEqual([['retry after 5'], ['ack'], ['retry after 40']])
    expect(woken).toEqual([good])
    expect(ports.lines).toEqual([{ level: 'warn', event: 'queue_message_failed', kind: 'wake', code: 'Error' }])
    const late = new FakeMessage(wake(bad), 50)
    await consumeMessages({ queue: QUEUE, messages: [late] }, ports)
    expect(late.outcomes).toEqual(['retry after 300'])
  })

  it('asks no more for a tenant that was erased', async () => {
    const ports = new FakePorts()
    ports.failure = new Problem('not_found')
    const message = new FakeMessage(wake(newTenantUid()))
    await consumeMessages({ queue: QUEUE, messages: [message] }, ports)
    expect([message.outcomes, ports.lines]).toEqual([['ack'], []])
  })
})

describe('a dead letter', () => {
  it('is told at once and wakes its tenant some minutes later', async () => {
    const ports = new FakePorts()
    const uid = newTenantUid()
    const [first, second] = [new FakeMessage(wake(uid), 1), new FakeMessage(wake(uid), 2)]
    await consumeMessages({ queue: DEAD_LETTER_QUEUE, messages: [first] }, ports)
    expect([first.outcomes, ports.woken]).toEqual([['retry after 300'], []])
    expect(ports.lines).toEqual([{ level: 'warn', event: 'queue_dead_letter', queue: DEAD_LETTER_QUEUE, kind: 'wake' }])
    await consumeMessages({ queue: DEAD_LETTER_QUEUE, messages: [second] }, ports)
    expect([second.outcomes, ports.woken]).toEqual([['ack'], [`files ${uid}`]])
  })

  it('comes from the queue that wrangler.toml names', () => {
    const config = parse(readFileSync(join(import.meta.dirname, '../../../wrangler.toml'), 'utf8'))
    expect(config['queues']).toMatchObject({
      producers: [{ binding: 'FILE_QUEUE', queue: QUEUE }],
      consumers: [{ queue: QUEUE, dead_letter_queue: DEAD_LETTER_QUEUE }, { queue: DEAD_LETTER_QUEUE }],
    })
  })
})

describe('sending a hint', () => {
  it('sends what is read back', async () => {
    const uid = newTenantUid()
    const sent: unknown[] = []
    const queue = { send: async (body: unknown) => void sent.push(body) } as unknown as Queue
    await sendWake(queue, uid, () => expect.unreachable())
    expect(sent.map(readFileMessage)).toEqual([wake(uid)])
  })

  it('fails without a consequence beside a report', async () => {
    const reports: string[] = []
    const queue = { send: () => Promise.reject(new Error('away')) } as unknown as Queue
    await sendWake(queue, newTenantUid(), (what) => reports.push(what))
    expect(reports).toEqual(['queue'])
  })
})
