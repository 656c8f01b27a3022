/** A revocation is told once and only if it was done, wherever the Worker dies. */
import { beforeEach, describe, expect, it } from 'vitest'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { PlannedRevocations } from '../../../src/tenancy/planned-revocations.ts'

const MINUTE = 60_000
let planned: PlannedRevocations
/** By key, as D1 has them. */
let revoked: Map<string, number>
let told: [string, number][]
let isDown = false

beforeEach(() => {
  const database = new NodeSqlDatabase()
  applyMigrations(database, PlannedRevocations.migrations)
  revoked = new Map()
  told = []
  isDown = false
  planned = new PlannedRevocations(database, {
    revokedAtMs: async (keyId) => {
      if (isDown) throw new Error('D1 is down')
      return revoked.get(keyId)
    },
    tell: (keyId, atMs) => told.push([keyId, atMs]),
  })
})

describe('a planned revocation', () => {
  it('is left to its request for a minute, and forgotten once that told of it', () => {
    planned.plan('key1', 5)
    expect(planned.nextDueMs()).toBe(MINUTE + 5)
    planned.finished('key1', 7)
    expect([told, planned.nextDueMs()]).toEqual([[['key1', 7]], undefined])
  })

  it('is told by the alarm, with the time at which it was done, where the request died after it', async () => {
    planned.plan('key1', 0)
    revoked.set('key1', 12)
    await planned.run(MINUTE - 1)
    expect(told).toEqual([])
    await planned.run(MINUTE)
    expect([told, planned.nextDueMs()]).toEqual([[['key1', 12]], undefined])
  })

  it('is never told where the request died before it, and forgotten after ten minutes', async () => {
    planned.plan('key1', 0)
    for (let minute = 1; minute < 10; minute++) {
      await planned.run(minute * MINUTE)
      expect(planned.nextDueMs()).toBe((minute + 1) * MINUTE)
    }
    await planned.run(10 * MINUTE)
    expect([told, planned.nextDueMs()]).toEqual([[], undefined])
  })

  it('is told where it was done late', async () => {
    planned.plan('key1', 0)
    await planned.run(MINUTE)
    revoked.set('key1', MINUTE + 1)
    await planned.run(2 * MINUTE)
    expect(told).toEqual([['key1', MINUTE + 1]])
  })

  it('is kept while it cannot be looked up', async () => {
    planned.plan('key1', 0)
    revoked.set('key1', 12)
    isDown = true
    await expect(planned.run(MINUTE)).rejects.toThrow('D1 is down')
    isDown = false
    await planned.run(20 * MINUTE)
    expect([told, planned.nextDueMs()]).toEqual([[['key1', 12]], undefined])
  })

  it('does not hold up the others, however many there are', async () => {
    for (let i = 0; i < 50; i++) planned.plan(`key${i}`, i)
    revoked.set('key49', 60)
    for (let runs = 0; runs < 3; runs++) await planned.run(2 * MINUTE)
    expect(told).toEqual([['key49', 60]])
  })
})
