/** What waits for an endpoint longer than events are kept. */
import { describe, expect, it } from 'vitest'
import { WEBHOOK_RETENTION_MS } from '../../../../src/core/limits.ts'
import { keyRevoked } from '../../../../src/tenancy/webhook-events.ts'
import { WebhookWorld } from '../../../support/webhook-world.ts'

describe('what waits for a disabled webhook', () => {
  it('goes with its event after seven days, and is sent no more', async () => {
    const world = new WebhookWorld()
    const made = await world.webhooks.create('0123456789abcdef', {
      url: 'https://hooks.example/',
      events: ['key.revoked'],
    })
    if (made === 'full') throw new Error('full')
    const { id } = made.webhook
    world.behaviours.set('https://hooks.example/', { status: 500 })
    world.webhooks.emit(keyRevoked('key1', world.nowMs))
    world.webhooks.emit(keyRevoked('key2', world.nowMs))
    await world.settle()
    world.webhooks.update(id, { enabled: false })
    expect(world.webhooks.find(id)).toMatchObject({ enabled: false, waiting: 2 })
    await world.pass(WEBHOOK_RETENTION_MS)
    expect(world.webhooks.find(id)).toMatchObject({ enabled: false, waiting: 0 })
    expect(world.webhooks.deliveries(id, { limit: 9 })).toEqual([])
    world.webhooks.update(id, { enabled: true })
    await world.settle()
    expect(world.requests).toHaveLength(2)
  })
})
