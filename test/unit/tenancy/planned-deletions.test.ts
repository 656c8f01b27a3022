/** When a tenant's object tries to finish a deletion, and when it may forget it. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { PlannedDeletions } from '../../../src/tenancy/planned-deletions.ts'

const UID = 'ten_0123456789abcdef' as TenantUid
const MINUTE = 60_000
let store: PlannedDeletions
/** What the next run of the erasure does. */
let finish: () => Promise<'done' | 'more' | 'gone'>
let nowMs = 0

beforeEach(() => {
  const database = new NodeSqlDatabase()
  applyMigrations(database, PlannedDeletions.migrations)
  finish = async () => 'done'
  store = new PlannedDeletions(database, { clock: () => nowMs, finish: () => finish() })
})

describe('a planned deletion', () => {
  it('is left to its request for a minute, and forgotten when that is done', () => {
    store.plan(UID, 'col_a', 0)
    expect([store.nextDueMs(), store.due(MINUTE - 1), store.due(MINUTE)]).toEqual([MINUTE, undefined, UID])
    store.finished('col_a')
    expect([store.nextDueMs(), store.due(MINUTE)]).toEqual([undefined, undefined])
  })

  it('outlives the end of another one', () => {
    store.plan(UID, 'col_a', 0)
    store.plan(UID, 'col_b', 5)
    store.finished('col_a')
    expect(store.nextDueMs()).toBe(MINUTE + 5)
  })

  it('is tried again ever later, at least once an hour, for ever', () => {
    store.plan(UID, 'tenant', 0)
    let nowMs = MINUTE
    const waits: number[] = []
    for (let i = 0; i < 40; i++) {
      expect(store.due(nowMs)).toBe(UID)
      store.settle('failed', nowMs)
      waits.push(store.nextDueMs()! - nowMs)
      nowMs = store.nextDueMs()!
    }
    expect(waits.slice(0, 9)).toEqual([0.5, 1, 2, 4, 8, 16, 32, 60, 60].map((minutes) => minutes * MINUTE))
    expect(new Set(waits.slice(7))).toEqual(new Set([60 * MINUTE]))
  })

  it('goes on at once where a run did a part', () => {
    store.plan(UID, 'tenant', 0)
    store.settle('failed', MINUTE)
    store.settle('more', 2 * MINUTE)
    expect(store.nextDueMs()).toBe(2 * MINUTE + 1_000)
    store.settle('failed', 3 * MINUTE)
    expect(store.nextDueMs()).toBe(3 * MINUTE + 30_000)
  })

  it('is kept while its request may still mark, though a run found nothing', () => {
    store.plan(UID, 'col_a', 0)
    store.settle('done', MINUTE)
    expect(store.nextDueMs()).toBe(2 * MINUTE)
    store.settle('done', 10 * MINUTE)
    expect(store.nextDueMs()).toBeUndefined()
  })

  it('that is not due is not touched by the run of another', () => {
    store.plan(UID, 'col_a', 0)
    store.plan(UID, 'col_b', 10 * MINUTE)
    store.settle('done', 10 * MINUTE + 1)
    expect(store.nextDueMs()).toBe(11 * MINUTE)
  })

  it('that is not due runs nothing', async () => {
    finish = async () => expect.unreachable()
    store.plan(UID, 'col_a', 0)
    await store.run(MINUTE - 1)
    expect(store.nextDueMs()).toBe(MINUTE)
  })

  it('runs until it is done, and is kept when the run fails', async () => {
    store.plan(UID, 'tenant', 0)
    nowMs = 10 * MINUTE
    finish = async () => Promise.reject(new Error('D1 is down'))
    await expect(store.run(nowMs)).rejects.toThrow('D1 is down')
    expect(store.nextDueMs()).toBe(nowMs + 30_000)
    nowMs += 30_000
    finish = async () => 'done'
    await store.run(nowMs)
    expect(store.nextDueMs()).toBeUndefined()
  })

  it('leaves its rows to the erasure of the object that holds them', async () => {
    store.plan(UID, 'tenant', 0)
    nowMs = 10 * MINUTE
    finish = async () => 'gone'
    await store.run(nowMs)
    expect(store.nextDueMs()).toBe(MINUTE)
  })
})
