/** Whoever writes to the database is found out: every edit, removal, insertion or move of a stored line, at its place. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuditLine } from '../../../../src/tenancy/audit-line.ts'
import { append, brokenAt, hashOf, linesOf, makeLog, NOW_MS } from './audit-fixture.ts'
import type { Fixture } from './audit-fixture.ts'

const TEXTS = [
  'at',
  'actor_kind',
  'key_id',
  'action',
  'subject_type',
  'subject_id',
  'outcome',
  'code',
  'reason',
  'request_id',
  'digest',
  'previous_hash',
  'hash',
]
const NULLABLE = ['subject_type', 'subject_id', 'code', 'reason', 'request_id', 'digest', 'count']
const LINES = 9

type Tampering =
  | { kind: 'edit'; at: number; column: string; value: string }
  | { kind: 'null'; at: number; column: string }
  | { kind: 'count'; at: number; value: number }
  | { kind: 'delete' | 'insert'; at: number }
  | { kind: 'swap'; at: number; with: number }

const at = fc.integer({ min: 1, max: LINES })
const tampering: fc.Arbitrary<Tampering> = fc.oneof(
  fc.record({
    kind: fc.constant('edit' as const),
    at,
    column: fc.constantFrom(...TEXTS),
    value: fc.oneof(fc.string(), fc.constant(''), fc.constant('0'.repeat(64))),
  }),
  fc.record({ kind: fc.constant('null' as const), at, column: fc.constantFrom(...NULLABLE) }),
  fc.record({ kind: fc.constant('count' as const), at, value: fc.integer() }),
  fc.record({ kind: fc.constantFrom('delete' as const, 'insert' as const), at }),
  fc.record({ kind: fc.constant('swap' as const), at, with: at }),
)

function tamper({ database }: Fixture, step: Tampering): void {
  const move = (from: number, to: number): void =>
    database.run('UPDATE audit_lines SET sequence = ? WHERE sequence = ?', to, from)
  switch (step.kind) {
    case 'edit':
      return database.run(`UPDATE audit_lines SET ${step.column} = ? WHERE sequence = ?`, step.value, step.at)
    case 'null':
      return database.run(`UPDATE audit_lines SET ${step.column} = NULL WHERE sequence = ?`, step.at)
    case 'count':
      return database.run('UPDATE audit_lines SET count = ? WHERE sequence = ?', step.value, step.at)
    case 'delete':
      return database.run('DELETE FROM audit_lines WHERE sequence = ?', step.at)
    case 'insert':
      // A copy of the line before its successor, which moves on with all that follow.
      for (let i = LINES; i > step.at; i--) move(i, i + 1)
      return database.run(
        `INSERT INTO audit_lines SELECT sequence + 1, at, actor_kind, key_id, action, subject_type, subject_id, outcome, code,
         reason, request_id, digest, count, previous_hash, hash FROM audit_lines WHERE sequence = ?`,
        step.at,
      )
    case 'swap':
      move(step.at, 99)
      move(step.with, step.at)
      return move(99, step.with)
  }
}

describe('verification', () => {
  it('finds every change of the stored lines at the first place that is wrong', async () => {
    await fc.assert(
      fc.asyncProperty(tampering, fc.boolean(), async (step, isSigned) => {
        const fixture = makeLog()
        const { log } = fixture
        await append(log, LINES)
        if (isSigned) await log.run(NOW_MS + 60_000)
        const before = linesOf(log)
        tamper(fixture, step)
        const after = linesOf(log)
        const verdict = await log.verify()
        if (JSON.stringify(after) === JSON.stringify(before)) {
          expect(verdict).toMatchObject({ valid: true, entries: LINES })
          return
        }
        // What the chain alone does not tell, a last line that is missing, its stored head does.
        const expected = brokenAt(after) ?? Math.min(after.length, before.length) + 1
        expect(verdict).toMatchObject({ valid: false, firstBroken: expected, entries: after.length })
      }),
      { numRuns: 300 },
    )
  })

  it('finds a chain that was made anew from any line on, as far as a head was signed', async () => {
    for (const forged of [1, 5, LINES]) {
      const fixture = makeLog()
      await append(fixture.log, LINES)
      await fixture.log.run(NOW_MS + 60_000)
      const { database } = fixture
      const heads = database.all<{ jws: string }>('SELECT jws FROM audit_heads')
      expect(heads).toHaveLength(1)
      // Who forges has the code, too, but not the key.
      database.run('DELETE FROM audit_lines WHERE sequence >= ?', forged)
      const last = linesOf(fixture.log).at(-1)
      database.run('DELETE FROM audit_chain')
      if (last !== undefined) {
        database.run('INSERT INTO audit_chain VALUES (1, ?, ?, ?)', last.sequence, last.hash, last.at)
      }
      await append(fixture.log, LINES - forged + 1, NOW_MS + 1)
      expect(brokenAt(linesOf(fixture.log))).toBeUndefined()
      expect(await fixture.log.verify()).toMatchObject({
        valid: false,
        firstBroken: LINES,
        signedHeads: { count: 1, valid: 0 },
      })
    }
  })

  it('finds a line whose own hash was made anew, at the line after it', async () => {
    const { database, log } = makeLog()
    await append(log, LINES)
    const line = { ...linesOf(log)[3]!, action: 'key.revoke' }
    database.run('UPDATE audit_lines SET action = ?, hash = ? WHERE sequence = 4', line.action, hashOf(line))
    expect(await log.verify()).toMatchObject({ valid: false, firstBroken: 5 })
  })

  it('finds a gap even where every hash after it was made anew', async () => {
    const { database, log } = makeLog()
    await append(log, LINES)
    database.run('DELETE FROM audit_lines WHERE sequence = 4')
    let previousHash = linesOf(log)[2]?.hash ?? ''
    for (const line of linesOf(log).slice(3)) {
      const hash = hashOf({ ...line, previousHash })
      const { sequence } = line
      database.run(
        'UPDATE audit_lines SET previous_hash = ?, hash = ? WHERE sequence = ?',
        previousHash,
        hash,
        sequence,
      )
      previousHash = hash
    }
    database.run('UPDATE audit_chain SET hash = ?', previousHash)
    expect(await log.verify()).toMatchObject({ valid: false, firstBroken: 4 })
  })

  it('finds a chain that was emptied, and one whose stored head was changed', async () => {
    const emptied = makeLog()
    await append(emptied.log, 3)
    await emptied.log.run(NOW_MS + 60_000)
    for (const table of ['audit_lines', 'audit_chain']) emptied.database.run(`DELETE FROM ${table}`)
    expect(await emptied.log.verify()).toMatchObject({ valid: false, firstBroken: 3, entries: 0 })

    const changed = makeLog()
    await append(changed.log, 3)
    changed.database.run("UPDATE audit_chain SET hash = 'x'")
    expect(await changed.log.verify()).toMatchObject({ valid: false, firstBroken: 4 })
    changed.database.run('DELETE FROM audit_chain')
    expect(await changed.log.verify()).toMatchObject({ valid: false, firstBroken: 1 })
  })

  it('counts heads that were changed, moved, or belong to another chain', async () => {
    const { database, log, signer } = makeLog()
    await append(log, 2)
    await log.run(NOW_MS + 60_000)
    const [line] = linesOf(log).slice(-1)
    const jws = await signer.sign({ chain: 'f'.repeat(64), sequence: 2, hash: line?.hash }, 'nearfield-audit-head+jws')
    const original = database.all<{ jws: string }>('SELECT jws FROM audit_heads')[0]?.jws ?? ''
    const bad = [
      ['UPDATE audit_heads SET jws = ?', jws],
      ['UPDATE audit_heads SET jws = ?', `${original.slice(0, -2)}AA`],
      ['UPDATE audit_heads SET jws = ?, sequence = 1', original],
    ] as const
    for (const [statement, value] of bad) {
      database.run(statement, value)
      const verdict = await log.verify()
      expect(verdict).toMatchObject({ valid: false, signedHeads: { count: 1, valid: 0 } })
      expect(verdict.firstBroken).toBeUndefined()
    }
    database.run('UPDATE audit_heads SET sequence = 2')
    expect((await log.verify()).valid).toBe(true)
  })
})

describe('lines', () => {
  it('of any content read back as they were written', async () => {
    const word = fc.stringMatching(/^[a-z0-9_.]{1,20}$/)
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record(
            {
              subject: fc.record({ type: word, id: word }),
              digest: word,
              code: fc.constant('conflict' as const),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 8 },
        ),
        async (ends) => {
          const { log } = makeLog()
          for (const [i, end] of ends.entries()) {
            log.begin({ requestId: `r${i}`, actor: { kind: 'root', keyId: 'k' }, action: 'tenant.create' }, NOW_MS)
            await log.end(`r${i}`, { outcome: 'done', ...end }, NOW_MS)
          }
          const lines: AuditLine[] = linesOf(log)
          expect(lines).toMatchObject(ends)
          expect(brokenAt(lines)).toBeUndefined()
        },
      ),
      { numRuns: 100 },
    )
  })
})
