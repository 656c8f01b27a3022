/** Signatures as the reference library of Standard Webhooks sees them, with mutated, replayed and foreign deliveries. */
import * as fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { DeliveryRequest } from '../../../../src/egress/egress-api.ts'
import { keyRevoked } from '../../../../src/tenancy/webhook-events.ts'
import { newSecret, secretText, signatureHeaders } from '../../../../src/tenancy/webhooks/signature.ts'
import { WebhookWorld } from '../../../support/webhook-world.ts'

const ID = 'wh_0123456789abcdef'
const URL = 'https://hooks.example/'
let world: WebhookWorld
let secret: string

const open = (key: string, { body, headers }: Pick<DeliveryRequest, 'body' | 'headers'>): unknown =>
  new Webhook(key).verify(body, { ...headers })

const refused = (key: string, delivery: Pick<DeliveryRequest, 'body' | 'headers'>): boolean => {
  try {
    open(key, delivery)
    return false
  } catch {
    return true
  }
}

/** Emits one event and returns what was sent. */
async function deliver(number: number): Promise<DeliveryRequest> {
  world.webhooks.emit(keyRevoked(`key${number}`, world.nowMs))
  await world.settle()
  const request = world.requests.at(-1)
  if (request === undefined) throw new Error('nothing was sent')
  return request
}

beforeEach(async () => {
  world = new WebhookWorld()
  vi.useFakeTimers({ now: world.nowMs, toFake: ['Date'] })
  const made = await world.webhooks.create(ID.slice(3), { url: URL, events: ['key.revoked'] })
  secret = made === 'full' ? '' : made.secret
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a signed delivery', () => {
  it('is accepted by the reference library, which gives back the event', async () => {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(open(secret, await deliver(1))).toMatchObject({ type: 'key.revoked', data: { keyId: 'key1' } })
  })

  it('is what the reference library would have signed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 50 }),
        fc.integer({ min: 0, max: 4e12 }),
        async (body, atMs) => {
          const key = newSecret()
          const headers = await signatureHeaders([key], { id: 'evt_1', atMs, body })
          expect(headers['webhook-signature']).toBe(new Webhook(secretText(key)).sign('evt_1', new Date(atMs), body))
        },
      ),
    )
  })

  it('is refused when anything about it was changed', async () => {
    const { body, headers } = await deliver(1)
    const replaceAt = (text: string, at: number, character: string): string =>
      text.slice(0, at % text.length) + character + text.slice((at % text.length) + 1)
    const parts = fc.constantFrom('body', 'webhook-id', 'webhook-timestamp', 'webhook-signature')
    fc.assert(
      fc.property(parts, fc.nat(1_000), fc.constantFrom('0', 'a', 'Z', '{', ' ', '='), (part, at, character) => {
        const before = part === 'body' ? body : (headers[part] ?? '')
        const after = replaceAt(before, part === 'webhook-signature' ? Math.max(3, at % before.length) : at, character)
        fc.pre(after !== before)
        const changed = part === 'body' ? { body: after, headers } : { body, headers: { ...headers, [part]: after } }
        expect(refused(secret, changed)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
    for (const name of Object.keys(headers)) {
      const { [name]: _, ...rest } = headers
      expect(refused(secret, { body, headers: rest })).toBe(true)
    }
    expect(refused(secret, { body, headers })).toBe(false)
  })

  it('is refused with another secret, and when it is replayed more than five minutes later', async () => {
    const delivery = await deliver(1)
    expect(refused(secretText(newSecret()), delivery)).toBe(true)
    vi.setSystemTime(world.nowMs + 299_000)
    expect(refused(secret, delivery)).toBe(false)
    vi.setSystemTime(world.nowMs + 301_000)
    expect(refused(secret, delivery)).toBe(true)
  })

  it('carries a time of its own for each attempt, so that late ones are accepted', async () => {
    world.behaviours.set(URL, { status: 500 })
    await deliver(1)
    await world.pass(3_600_000)
    vi.setSystemTime(world.nowMs)
    const [first, last] = [world.requests[0], world.requests.at(-1)]
    expect(first?.headers['webhook-id']).toBe(last?.headers['webhook-id'])
    expect(first && refused(secret, first)).toBe(true)
    vi.setSystemTime(last?.atMs ?? 0)
    expect(last && refused(secret, last)).toBe(false)
  })
})

describe('a rotated secret', () => {
  it('signs beside the one before for a day, and alone after it', async () => {
    const rotated = await world.webhooks.rotate(ID, 'first')
    expect(rotated?.webhook.previousSecretUntilMs).toBe(world.nowMs + 86_400_000)
    const both = await deliver(1)
    expect(both.headers['webhook-signature']?.split(' ')).toHaveLength(2)
    for (const key of [secret, rotated?.secret ?? '']) expect(refused(key, both)).toBe(false)
    world.nowMs += 86_400_000
    vi.setSystemTime(world.nowMs)
    const one = await deliver(2)
    expect(refused(secret, one)).toBe(true)
    expect(refused(rotated?.secret ?? '', one)).toBe(false)
    expect(world.webhooks.find(ID)?.previousSecretUntilMs).toBeUndefined()
  })

  it('keeps the one before when the operation is repeated, and not when another comes', async () => {
    const unseen = await world.webhooks.rotate(ID, 'first')
    const rotated = await world.webhooks.rotate(ID, 'first')
    const delivery = await deliver(1)
    expect([secret, unseen?.secret ?? '', rotated?.secret ?? ''].map((key) => refused(key, delivery))).toEqual([
      false,
      true,
      false,
    ])
    await world.webhooks.rotate(ID, 'second')
    expect(refused(secret, await deliver(2))).toBe(true)
    expect(await world.webhooks.rotate('wh_absent', 'x')).toBeUndefined()
  })

  it('is never stored in the clear', async () => {
    await world.webhooks.rotate(ID, 'first')
    await deliver(1)
    const tables = ['webhook_endpoints', 'webhook_events', 'webhook_deliveries']
    const rows = tables.flatMap((table) => world.database.all(`SELECT * FROM ${table}`))
    const stored = rows
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : String(value)))
    expect(stored.length).toBeGreaterThan(10)
    const raw = Buffer.from(secret.slice(6), 'base64')
    for (const value of stored) {
      expect(value).not.toContain(secret.slice(6, 40))
      expect(Buffer.from(value, 'base64').includes(raw)).toBe(false)
    }
  })
})
