/**
 * The outbox against a model: whatever receivers answer and whenever the object dies, every event reaches every endpoint
 * that wanted it, or its deliveries show why not; and nothing reaches anybody else.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WEBHOOK_RETENTION_MS } from '../../../../src/core/limits.ts'
import type { DeliveryOutcome } from '../../../../src/egress/egress-api.ts'
import type { WebhookEvent, WebhookEventType } from '../../../../src/tenancy/webhook-events.ts'
import { WebhookWorld } from '../../../support/webhook-world.ts'

const TYPES = ['document.indexed', 'key.revoked'] as const satisfies readonly WebhookEventType[]
const HOUR = 3_600_000

type Step =
  | { readonly do: 'create'; readonly events: readonly WebhookEventType[] }
  | { readonly do: 'emit'; readonly type: WebhookEventType }
  | { readonly do: 'tell again' | 'restart' }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'kill'; readonly endpoint: number }
  | { readonly do: 'answer'; readonly endpoint: number; readonly outcome: DeliveryOutcome | 'throws' }
  | { readonly do: 'delete' | 'rotate' | 'disable' | 'enable' | 'redeliver'; readonly endpoint: number }

const endpoint = fc.nat(3)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('create' as const), events: fc.subarray([...TYPES]) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('emit' as const), type: fc.constantFrom(...TYPES) }) },
  fc.record({ do: fc.constantFrom('tell again' as const, 'restart' as const) }),
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(0, 6_000, HOUR, 30 * HOUR) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), endpoint }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      endpoint,
      outcome: fc.constantFrom<DeliveryOutcome | 'throws'>(
        { status: 200 },
        { status: 503 },
        { status: 410 },
        { failure: 'timeout' },
        { failure: 'redirect' },
        'throws',
      ),
    }),
  },
  fc.record({
    do: fc.constantFrom(
      'delete' as const,
      'rotate' as const,
      'disable' as const,
      'enable' as const,
      'redeliver' as const,
    ),
    endpoint,
  }),
)

interface ModelEndpoint {
  readonly id: string
  readonly url: string
  readonly events: readonly string[]
  isDeleted: boolean
}

interface Told {
  readonly endpoint: ModelEndpoint
  readonly eventId: string
  readonly atMs: number
}

class Model {
  readonly world = new WebhookWorld()
  readonly endpoints: ModelEndpoint[] = []
  readonly told: Told[] = []
  #events = 0
  /** Who tells it again tells the same. */
  #latest = this.#event(TYPES[0], 0)

  at(index: number): ModelEndpoint | undefined {
    return this.endpoints[index % Math.max(1, this.endpoints.length)]
  }

  async take(now: Step): Promise<void> {
    const { webhooks } = this.world
    switch (now.do) {
      case 'create': {
        const url = `https://hook${this.endpoints.length}.example/`
        const made = await webhooks.create(String(this.endpoints.length).padStart(16, '0'), { url, events: now.events })
        if (made === 'full') throw new Error('no room')
        this.endpoints.push({ id: made.webhook.id, url, events: now.events, isDeleted: false })
        return
      }
      case 'emit':
        this.#latest = this.#event(now.type, ++this.#events)
        return this.#emit(this.#latest)
      case 'tell again':
        return this.#emit(this.#latest)
      case 'restart':
        return this.world.restart()
      case 'pass':
        return this.world.pass(now.ms)
      case 'kill': {
        const target = this.at(now.endpoint)
        if (target === undefined) return
        const before = this.world.behaviours.get(target.url) ?? { status: 204 }
        this.world.behaviours.set(target.url, 'lost')
        void webhooks.run(this.world.nowMs)
        // The sends to it have left when the object dies.
        for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
        this.world.behaviours.set(target.url, before)
        return this.world.restart()
      }
      case 'answer':
      case 'delete':
      case 'disable':
      case 'enable':
      case 'redeliver':
      case 'rotate':
        return this.#change(now)
    }
  }

  async #change(
    now: Exclude<Step, { do: 'create' | 'emit' | 'tell again' | 'restart' | 'pass' | 'kill' }>,
  ): Promise<void> {
    const target = this.at(now.endpoint)
    if (target === undefined) return
    const { webhooks, behaviours } = this.world
    const { id, url } = target
    if (now.do === 'answer') behaviours.set(url, now.outcome)
    else if (now.do === 'delete') target.isDeleted = webhooks.delete(id) || target.isDeleted
    else if (now.do === 'rotate') await webhooks.rotate(id, 'r'.repeat(16))
    else if (now.do === 'redeliver') webhooks.redeliver(id, webhooks.deliveries(id, { limit: 1 })?.[0]?.id ?? '')
    else webhooks.update(id, { enabled: now.do === 'enable' })
  }

  #event(type: WebhookEventType, number: number): WebhookEvent {
    return { id: `evt_${number}`, type, atMs: this.world.nowMs, data: { documentId: `doc ${number}` } }
  }

  #emit(event: WebhookEvent): void {
    const { id: eventId, type } = event
    const { database, webhooks, nowMs } = this.world
    // Under its old id nobody hears of it twice, while it is remembered.
    const isKnown = database.get('SELECT 1 FROM webhook_events WHERE id = ?', eventId) !== undefined
    for (const target of isKnown ? [] : this.endpoints) {
      const isWanted = target.events.includes(type) && webhooks.find(target.id)?.enabled === true
      if (isWanted) this.told.push({ endpoint: target, eventId, atMs: nowMs })
    }
    webhooks.emit(event)
  }

  /** What must hold at every moment. */
  check(): void {
    for (const target of this.endpoints) {
      const stored = this.world.webhooks.find(target.id)
      expect(stored === undefined).toBe(target.isDeleted)
      const rows = this.world.database.get<{ waiting: number; ended: number }>(
        `SELECT COUNT(next_ms) AS waiting, COUNT(*) - COUNT(next_ms) AS ended FROM webhook_deliveries WHERE endpoint_id = ?`,
        target.id,
      )
      const counted = this.world.database.get('SELECT waiting, ended FROM webhook_endpoints WHERE id = ?', target.id)
      expect(rows).toEqual({ ...(counted ?? { waiting: 0, ended: 0 }) })
    }
    const bodies = new Map<string, string>()
    for (const { url, headers, body } of this.world.requests) {
      const id = headers['webhook-id'] ?? ''
      expect(bodies.get(id) ?? body).toBe(body)
      bodies.set(id, body)
      expect(this.told.some((entry) => entry.endpoint.url === url && entry.eventId === id)).toBe(true)
    }
    const unheard = `SELECT COUNT(*) AS count FROM webhook_events e
      WHERE NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event_id = e.id)`
    expect(this.world.database.get(unheard)).toMatchObject({ count: 0 })
  }

  /** Everything works again: what was not given up arrives. */
  async finish(): Promise<void> {
    const { world } = this
    world.restart()
    for (const { id, url } of this.endpoints) {
      world.behaviours.set(url, { status: 200 })
      world.webhooks.update(id, { enabled: true })
    }
    const endMs = world.nowMs
    await world.pass(30 * HOUR)
    for (const { endpoint: target, eventId, atMs } of this.told) {
      if (target.isDeleted) continue
      const deliveries = world.webhooks.deliveries(target.id, { limit: 1_000 }) ?? []
      const own = deliveries.filter((delivery) => delivery.eventId === eventId)
      expect(own.every(({ status }) => status !== 'waiting')).toBe(true)
      const arrived = own.some(({ status }) => status === 'succeeded')
      const givenUp = own.some(
        ({ status, attempts }) =>
          status === 'failed' &&
          (attempts.length === 10 || attempts.some((attempt) => 'status' in attempt && attempt.status === 410)),
      )
      const isOld = endMs + 30 * HOUR - atMs >= WEBHOOK_RETENTION_MS
      expect({ eventId, settled: arrived || givenUp || isOld }).toEqual({ eventId, settled: true })
      const heard = world.requests.some(({ url, headers }) => url === target.url && headers['webhook-id'] === eventId)
      expect(heard || isOld).toBe(true)
    }
  }
}

describe('the outbox', () => {
  it('delivers every event to everyone who wanted it, through failures, kills and changes', async () => {
    let deliveries = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const model = new Model()
        await model.take({ do: 'create', events: TYPES })
        for (const next of steps) {
          await model.take(next)
          model.check()
        }
        await model.finish()
        model.check()
        deliveries += model.world.requests.length
      }),
      { numRuns: 150 },
    )
    expect(deliveries).toBeGreaterThan(500)
  })
})
