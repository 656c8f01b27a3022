/** The replay records' state machine against a plain map, under random commands, and its rules one by one. */
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { REPLAY_TTL_MS } from '../../../src/core/limits.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import type { BeginReplayResult } from '../../../src/tenancy/replay-port.ts'
import { REPLAY_LEASE_MS, ReplayStore } from '../../../src/tenancy/replay-store.ts'

let database: NodeSqlDatabase
let store: ReplayStore
const ANSWER = { status: 201, pieces: [Uint8Array.of(1, 2), Uint8Array.of(3)] }

function openStore(): void {
  database = new NodeSqlDatabase()
  applyMigrations(database, ReplayStore.migrations)
  store = new ReplayStore(database)
}
beforeEach(openStore)

function run(result: BeginReplayResult): Extract<BeginReplayResult, { kind: 'run' }> {
  if (result.kind !== 'run') throw new Error(`expected a run, got ${result.kind}`)
  return result
}

describe('a request with an idempotency key', () => {
  it('runs once and is replayed for 24 h, pieces in order', () => {
    const { lease } = run(store.begin('a', 'f', 0))
    expect(store.finish('a', lease, ANSWER, 5)).toBe(true)
    expect(store.begin('a', 'f', 6)).toEqual({ kind: 'replay', ...ANSWER })
    expect(store.begin('a', 'f', 4 + REPLAY_TTL_MS).kind).toBe('replay')
    expect(store.begin('a', 'f', 5 + REPLAY_TTL_MS).kind).toBe('run')
  })

  it('is in flight while the lease lasts, and with another body refused', () => {
    const { lease } = run(store.begin('a', 'f', 0))
    expect(store.begin('a', 'f', REPLAY_LEASE_MS - 1)).toEqual({ kind: 'inFlight', retryAfterSeconds: 1 })
    expect(store.begin('a', 'g', 1)).toEqual({ kind: 'reused' })
    expect(store.renew('a', lease, 10_000)).toBe(true)
    expect(store.begin('a', 'f', 10_000 + REPLAY_LEASE_MS - 1).kind).toBe('inFlight')
    store.finish('a', lease, ANSWER, 11_000)
    expect(store.begin('a', 'g', 12_000)).toEqual({ kind: 'reused' })
  })

  it('is run again, as the same operation, once its Worker died', () => {
    const first = run(store.begin('a', 'f', 0))
    expect(store.begin('a', 'g', REPLAY_LEASE_MS).kind).toBe('reused')
    const second = run(store.begin('a', 'f', REPLAY_LEASE_MS))
    expect(second.operationId).toBe(first.operationId)
    expect(second.lease).not.toBe(first.lease)
    // The first one was only slow: it has lost, whatever it tries.
    expect(store.renew('a', first.lease, REPLAY_LEASE_MS)).toBe(false)
    expect(store.finish('a', first.lease, { status: 500, pieces: [] }, REPLAY_LEASE_MS)).toBe(false)
    store.drop('a', first.lease)
    expect(store.begin('a', 'f', REPLAY_LEASE_MS + 1).kind).toBe('inFlight')
    expect(store.finish('a', second.lease, ANSWER, REPLAY_LEASE_MS)).toBe(true)
    expect(store.finish('a', second.lease, { status: 500, pieces: [] }, REPLAY_LEASE_MS)).toBe(false)
    expect(store.begin('a', 'f', REPLAY_LEASE_MS + 1)).toEqual({ kind: 'replay', ...ANSWER })
  })

  it('may be run again at once after a drop: the same body as the same operation, another body afresh', () => {
    const first = run(store.begin('a', 'f', 0))
    store.drop('a', first.lease)
    expect(store.renew('a', first.lease, 1)).toBe(false)
    const second = run(store.begin('a', 'f', 1))
    expect(second.operationId).toBe(first.operationId)
    store.drop('a', second.lease)
    const third = run(store.begin('a', 'g', 2))
    expect(third.operationId).not.toBe(first.operationId)
    expect(store.begin('a', 'f', 3)).toEqual({ kind: 'reused' })
  })

  it('leaves nothing after 24 h', () => {
    for (let i = 0; i < 1_200; i++) {
      const { lease } = run(store.begin(`k${i}`, 'f', i))
      if (i % 3 === 0) store.finish(`k${i}`, lease, ANSWER, i)
      if (i % 3 === 1) store.drop(`k${i}`, lease)
    }
    expect(store.nextDueMs()).toBe(REPLAY_TTL_MS)
    expect(store.prune(REPLAY_TTL_MS + 100)).toBe(REPLAY_TTL_MS + 101)
    let rounds = 0
    while (store.prune(2 * REPLAY_TTL_MS) !== undefined) rounds++
    expect(rounds).toBeLessThan(4)
    for (const table of ['replay_records', 'replay_pieces']) {
      expect(database.get(`SELECT count(*) AS n FROM ${table}`)).toEqual({ n: 0 })
    }
  })

  it('refuses a piece that no row can hold', () => {
    const { lease } = run(store.begin('a', 'f', 0))
    expect(() => store.finish('a', lease, { status: 200, pieces: [new Uint8Array(1_000_001)] }, 1)).toThrow('invariant')
    expect(store.begin('a', 'f', 2).kind).toBe('inFlight')
  })
})

/** The model: what a record is, in words. */
interface Model {
  fingerprint: string
  lease: string | undefined
  leaseEndsMs: number
  stored: boolean
  operationId: string
  expiresMs: number
}

const command = fc.record({
  what: fc.constantFrom('begin', 'begin', 'renew', 'finish', 'drop', 'prune'),
  lookup: fc.constantFrom('a', 'b'),
  fingerprint: fc.constantFrom('f', 'g'),
  /** Which of the leases handed out so far, counted from the last. */
  lease: fc.nat(3),
  passMs: fc.constantFrom(0, 1, 5_000, REPLAY_LEASE_MS, REPLAY_TTL_MS),
})

describe('under random commands', () => {
  it('the store does what the model says', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
        openStore()
        const model = new Map<string, Model>()
        const leases: string[] = []
        let nowMs = 1
        for (const { what, lookup, fingerprint, lease: back, passMs } of commands) {
          nowMs += passMs
          const lease = leases.at(-1 - back) ?? 'none'
          let record = model.get(lookup)
          if (record !== undefined && record.expiresMs <= nowMs) {
            model.delete(lookup)
            record = undefined
          }
          const holds = record !== undefined && !record.stored && record.lease === lease
          if (what === 'begin') {
            const result = store.begin(lookup, fingerprint, nowMs)
            const free = record === undefined || (record.lease === undefined && record.fingerprint !== fingerprint)
            if (!free && record!.fingerprint !== fingerprint) expect(result.kind).toBe('reused')
            else if (!free && record!.stored) expect(result.kind).toBe('replay')
            else if (!free && record!.lease !== undefined && record!.leaseEndsMs > nowMs) {
              expect(result.kind).toBe('inFlight')
            } else {
              const started = run(result)
              if (!free) expect(started.operationId).toBe(record!.operationId)
              leases.push(started.lease)
              model.set(lookup, {
                fingerprint,
                lease: started.lease,
                leaseEndsMs: nowMs + REPLAY_LEASE_MS,
                stored: false,
                operationId: started.operationId,
                expiresMs: free ? nowMs + REPLAY_TTL_MS : record!.expiresMs,
              })
            }
          } else if (what === 'renew') {
            // An expired record that nobody pruned may still be renewed; it is gone at the next begin.
            const renewed = store.renew(lookup, lease, nowMs)
            if (record !== undefined) expect(renewed).toBe(holds)
            if (holds) record!.leaseEndsMs = nowMs + REPLAY_LEASE_MS
          } else if (what === 'finish' && record !== undefined) {
            expect(store.finish(lookup, lease, ANSWER, nowMs)).toBe(holds)
            if (holds) Object.assign(record, { stored: true, expiresMs: nowMs + REPLAY_TTL_MS })
          } else if (what === 'drop' && record !== undefined) {
            store.drop(lookup, lease)
            if (holds) record.lease = undefined
          } else if (what === 'prune') {
            store.prune(nowMs)
          }
        }
      }),
      { seed: 30, numRuns: 300 },
    )
  })
})
