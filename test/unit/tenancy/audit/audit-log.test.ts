/** The audit log over `node:sqlite`: what becomes a line, when, and what is read back. */
import { beforeEach, describe, expect, it } from 'vitest'
import { AUDIT_HEAD_TYPE } from '../../../../src/tenancy/audit-line.ts'
import type { AuditLog } from '../../../../src/tenancy/audit-log.ts'
import { append, brokenAt, CHAIN, entry, linesOf, makeLog, NOW_MS } from './audit-fixture.ts'
import type { Fixture } from './audit-fixture.ts'

let fixture: Fixture
let log: AuditLog

beforeEach(() => {
  fixture = makeLog()
  log = fixture.log
})

const MINUTE = 60_000
const HOUR = 3_600_000
const ZEROS = '0'.repeat(64)

describe('an action', () => {
  it('becomes a line when it ends, with what is known then', async () => {
    expect(log.begin(entry('req_1', { digest: 'a'.repeat(64) }), NOW_MS)).toEqual({ sequence: 0, hash: ZEROS })
    expect(linesOf(log)).toEqual([])
    expect(await log.end('req_1', { outcome: 'done', subject: { type: 'key', id: 'x' } }, NOW_MS + 7)).toBe(true)
    const [line] = linesOf(log)
    expect(line).toEqual({
      sequence: 1,
      at: '2026-01-31T12:00:05.007Z',
      actor: { kind: 'secret', keyId: 'k'.repeat(16) },
      action: 'key.create',
      subject: { type: 'key', id: 'x' },
      outcome: 'done',
      requestId: 'req_1',
      digest: 'a'.repeat(64),
      previousHash: ZEROS,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(log.begin(entry('req_2'), NOW_MS)).toEqual({ sequence: 1, hash: line?.hash })
  })

  it('that was refused says with which code', async () => {
    log.begin(entry('req_1'), NOW_MS)
    await log.end('req_1', { outcome: 'refused', code: 'conflict' }, NOW_MS)
    expect(linesOf(log)).toMatchObject([{ outcome: 'refused', code: 'conflict' }])
  })

  it('ends once, and only if it was begun', async () => {
    log.begin(entry('req_1'), NOW_MS)
    const ends = [1, 2].map(async () => log.end('req_1', { outcome: 'done' }, NOW_MS))
    expect(await Promise.all(ends)).toEqual([true, false])
    expect(await log.end('req_never', { outcome: 'done' }, NOW_MS)).toBe(false)
    expect(linesOf(log)).toHaveLength(1)
  })

  it('whose Worker died becomes a line of unknown outcome after a minute', async () => {
    log.begin(entry('req_1'), NOW_MS)
    expect(log.nextDueMs()).toBe(NOW_MS + MINUTE)
    await log.run(NOW_MS + MINUTE - 1)
    expect(linesOf(log)).toEqual([])
    await log.run(NOW_MS + MINUTE)
    await log.run(NOW_MS + MINUTE)
    expect(linesOf(log)).toMatchObject([{ action: 'key.create', outcome: 'unknown', requestId: 'req_1' }])
  })

  it('that ends late tells so in a second line, for an hour', async () => {
    for (const name of ['req_1', 'req_2']) log.begin(entry(name), NOW_MS)
    await log.run(NOW_MS + MINUTE)
    expect(await log.end('req_1', { outcome: 'failed', code: 'internal' }, NOW_MS + 2 * MINUTE)).toBe(true)
    await log.run(NOW_MS + MINUTE + HOUR)
    expect(await log.end('req_2', { outcome: 'done' }, NOW_MS + MINUTE + HOUR)).toBe(false)
    expect(linesOf(log).map(({ requestId, outcome }) => [requestId, outcome])).toEqual([
      ['req_1', 'unknown'],
      ['req_2', 'unknown'],
      ['req_1', 'failed'],
    ])
    expect(fixture.database.all('SELECT * FROM audit_begun')).toEqual([])
  })

  it('never carries an earlier time than the line before it', async () => {
    await append(log, 1, NOW_MS)
    await append(log, 1, NOW_MS - HOUR)
    expect(linesOf(log).map(({ at }) => at)).toEqual(['2026-01-31T12:00:05.000Z', '2026-01-31T12:00:05.000Z'])
  })
})

describe('refusals', () => {
  const actor = { kind: 'public', keyId: 'p'.repeat(16) } as const

  it('become one line for each key, code, reason and minute, and a count when the minute is over', async () => {
    const limited = { actor, code: 'rate_limited', requestId: 'req_1', count: 1 } as const
    await Promise.all(Array.from({ length: 20 }, async () => log.refused(limited, NOW_MS)))
    await log.refused({ ...limited, count: 30 }, NOW_MS + 1)
    await log.refused({ actor, code: 'unauthorized', reason: 'expired', count: 1 }, NOW_MS)
    await log.refused({ actor, code: 'unauthorized', reason: 'revoked', count: 2 }, NOW_MS)
    await log.refused({ ...limited, actor: { ...actor, keyId: 'q'.repeat(16) } }, NOW_MS)
    const first = linesOf(log).map(({ action, code, reason, count, actor: { keyId } }) => [
      action,
      code,
      reason,
      count,
      keyId[0],
    ])
    expect(first).toEqual([
      ['request.refused', 'rate_limited', undefined, undefined, 'p'],
      ['request.refused', 'unauthorized', 'expired', undefined, 'p'],
      ['request.refused', 'unauthorized', 'revoked', undefined, 'p'],
      ['request.refused', 'rate_limited', undefined, undefined, 'q'],
    ])
    expect(linesOf(log)[0]?.requestId).toBe('req_1')

    const overMs = Date.UTC(2026, 0, 31, 12, 1)
    expect(log.nextDueMs()).toBe(overMs)
    await log.run(overMs - 1)
    expect(linesOf(log)).toHaveLength(4)
    await log.run(overMs)
    await log.run(overMs)
    expect(linesOf(log).slice(4)).toMatchObject([
      { action: 'request.refused_count', code: 'rate_limited', outcome: 'refused', count: 50 },
      { action: 'request.refused_count', code: 'unauthorized', reason: 'revoked', count: 2 },
    ])
    expect(fixture.database.all('SELECT * FROM audit_refusals')).toEqual([])
  })

  it('become another line in the next minute', async () => {
    const refusal = { actor, code: 'forbidden', count: 1 } as const
    await log.refused(refusal, NOW_MS)
    await log.refused(refusal, NOW_MS + MINUTE)
    expect(linesOf(log)).toHaveLength(2)
  })
})

describe('signed heads', () => {
  it('cover every line, the first a minute after it and then at most one an hour', async () => {
    expect(log.nextDueMs()).toBeUndefined()
    await append(log, 2)
    const firstMs = NOW_MS + MINUTE
    expect(log.nextDueMs()).toBe(firstMs)
    await log.run(firstMs - 1)
    expect((await log.verify()).signedHeads).toEqual({ count: 0, valid: 0 })
    await log.run(firstMs)
    expect(log.nextDueMs()).toBeUndefined()

    await append(log, 1, firstMs + 1)
    expect(log.nextDueMs()).toBe(firstMs + HOUR)
    await log.run(firstMs + HOUR)
    // After a quiet day the next head waits a minute only.
    await append(log, 1, firstMs + 24 * HOUR)
    expect(log.nextDueMs()).toBe(firstMs + 24 * HOUR + MINUTE)
    const { signedHeads, head, valid } = await log.verify()
    expect(signedHeads).toEqual({ count: 2, valid: 2, latest: expect.any(String) })
    expect({ valid, sequence: head.sequence }).toEqual({ valid: true, sequence: 4 })
    expect(await fixture.signer.verify(signedHeads.latest ?? '', AUDIT_HEAD_TYPE)).toEqual({
      chain: CHAIN,
      sequence: 3,
      hash: linesOf(log)[2]?.hash,
      at: new Date(firstMs + HOUR).toISOString(),
    })
  })

  it('are due also where the first line that they miss is gone', async () => {
    await append(log, 2)
    fixture.database.run('DELETE FROM audit_lines WHERE sequence = 1')
    expect(log.nextDueMs()).toBe(NOW_MS + 1 + MINUTE)
  })
})

describe('a page', () => {
  it('is newest first, and pages meet without a gap or a repetition', async () => {
    await append(log, 7)
    const sequences: number[] = []
    let before: number | undefined
    do {
      const page = log.list({ limit: 3, ...(before === undefined ? {} : { before }) })
      sequences.push(...page.lines.map(({ sequence }) => sequence))
      before = page.nextBefore
    } while (before !== undefined)
    expect(sequences).toEqual([7, 6, 5, 4, 3, 2, 1])
    expect(log.list({ limit: 7 }).nextBefore).toBeUndefined()
  })

  it('holds what was asked for: one action, from a time on, to before a time', async () => {
    for (let i = 0; i < 6; i++) {
      log.begin(entry(`req_${i}`, { action: i % 2 === 0 ? 'key.create' : 'key.revoke' }), NOW_MS)
      await log.end(`req_${i}`, { outcome: 'done' }, NOW_MS + i * MINUTE)
    }
    const asked = (request: object): number[] =>
      log.list({ limit: 9, ...request }).lines.map(({ sequence }) => sequence)
    expect(asked({ action: 'key.revoke' })).toEqual([6, 4, 2])
    expect(asked({ action: 'tenant.create' })).toEqual([])
    expect(asked({ fromMs: NOW_MS + MINUTE, toMs: NOW_MS + 3 * MINUTE })).toEqual([3, 2])
    expect(asked({ fromMs: NOW_MS + 6 * MINUTE })).toEqual([])
    expect(asked({ toMs: NOW_MS + 9 * MINUTE, action: 'key.create', before: 5 })).toEqual([3, 1])
    expect(asked({ toMs: NOW_MS })).toEqual([])
  })
})

describe('concurrency', () => {
  it('leaves one unbroken chain when 100 actions end at once', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `req_${i}`)
    for (const name of names) log.begin(entry(name), NOW_MS)
    await Promise.all([...names.map(async (name) => log.end(name, { outcome: 'done' }, NOW_MS)), log.run(NOW_MS)])
    const lines = linesOf(log)
    expect(new Set(lines.map(({ requestId }) => requestId))).toEqual(new Set(names))
    expect(brokenAt(lines)).toBeUndefined()
    expect(await log.verify()).toMatchObject({ valid: true, entries: 100, head: { sequence: 100 } })
  })

  it('goes on after an append that failed', async () => {
    const { database } = fixture
    for (const name of ['req_1', 'req_2']) log.begin(entry(name), NOW_MS)
    database.run(
      `CREATE TRIGGER full BEFORE INSERT ON audit_lines WHEN NEW.request_id = 'req_1' BEGIN SELECT RAISE(ABORT, 'full'); END`,
    )
    const ends = ['req_1', 'req_2'].map(async (name) => log.end(name, { outcome: 'done' }, NOW_MS))
    expect((await Promise.allSettled(ends)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await log.verify()).toMatchObject({ valid: true, entries: 1 })
    // What failed is as if it had not been tried: the action is still open.
    await log.run(NOW_MS + MINUTE).catch(() => {})
    database.run('DROP TRIGGER full')
    await log.run(NOW_MS + MINUTE)
    expect(linesOf(log).map(({ requestId, outcome }) => [requestId, outcome])).toEqual([
      ['req_2', 'done'],
      ['req_1', 'unknown'],
    ])
  })

  it('judges lines that are written while it verifies, and gives others their turn between slices', async () => {
    let pauses = 0
    const { log: paused } = makeLog(undefined, async () => {
      if (pauses++ === 0) await append(paused, 3, NOW_MS + MINUTE)
    })
    await append(paused, 501)
    expect(await paused.verify()).toMatchObject({ valid: true, entries: 504, head: { sequence: 504 } })
    expect(pauses).toBe(2)
  })

  it('takes its turns from the clock of the runtime unless told otherwise', async () => {
    const { database, signer } = fixture
    const { AuditLog: Log } = await import('../../../../src/tenancy/audit-log.ts')
    const plain = new Log(database, { signer, chain: CHAIN })
    await append(plain, 1)
    expect(await plain.verify()).toMatchObject({ valid: true, entries: 1 })
  })
})
