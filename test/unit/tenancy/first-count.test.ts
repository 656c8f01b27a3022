/** What a tenant stored before there was a ledger is counted before anything is judged by it. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { FirstCount, type RequestAllReports } from '../../../src/tenancy/first-count.ts'

const UID = 'ten_0123456789abcdef' as TenantUid
let database: NodeSqlDatabase
let asked: string[]

beforeEach(() => {
  database = new NodeSqlDatabase()
  applyMigrations(database, FirstCount.migrations)
  asked = []
})

/** Asks in as many runs as there are answers; a restarted object makes one anew. */
const counting = (...answers: (string | undefined | Error)[]): FirstCount => {
  const request: RequestAllReports = async (uid, after) => {
    expect(uid).toBe(UID)
    asked.push(after)
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  return new FirstCount(database, request)
}

describe('the first count of a tenant', () => {
  it('asks all shards once, also for many callers and after a restart', async () => {
    const count = counting(undefined)
    await Promise.all([count.done(UID), count.done(UID)])
    await count.done(UID)
    await counting().done(UID)
    expect(asked).toEqual([''])
  })

  it('goes on where a run left it, and lets nobody pass before the last shard has reported', async () => {
    const count = counting('m', 't', undefined)
    await expect(count.done(UID)).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 })
    await expect(count.done(UID)).rejects.toMatchObject({ code: 'overloaded' })
    await count.done(UID)
    expect(asked).toEqual(['', 'm', 't'])
  })

  it('is tried again after a shard could not be reached', async () => {
    const count = counting(new Error('down'), undefined)
    await expect(count.done(UID)).rejects.toThrow('down')
    await count.done(UID)
    expect(asked).toEqual(['', ''])
  })
})
