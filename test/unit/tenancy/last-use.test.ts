/** When keys were used last: few writes, none waited for, none lost for long. */
import { beforeEach, describe, expect, it } from 'vitest'
import { LastUse } from '../../../src/tenancy/last-use.ts'
import { settle } from '../../support/fake-timer.ts'

const MINUTE_MS = 60_000

let nowMs: number
let written: { keyId: string; atMs: number }[][]
let reported: unknown[]
let carried: Promise<unknown>[]
let fault: (() => Promise<void>) | undefined
let lastUse: LastUse

const make = (capacity?: number): LastUse =>
  new LastUse({
    clock: () => nowMs,
    write: async (uses) => {
      written.push([...uses])
      await fault?.()
    },
    report: (_, error) => reported.push(error),
    ...(capacity === undefined ? {} : { capacity }),
  })

const note = (id: string, lastUsedAtMs?: number): void =>
  lastUse.note({ id, ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs }) }, (work) => carried.push(work))

beforeEach(() => {
  nowMs = 30_000_000 * MINUTE_MS + 12_345
  written = []
  reported = []
  carried = []
  fault = undefined
  lastUse = make()
})

describe('the last use of a key', () => {
  it('is written once a minute, as the minute', async () => {
    for (let i = 0; i < 100; i++) note('a')
    await settle()
    nowMs += MINUTE_MS
    note('a')
    await settle()
    expect(written).toEqual([
      [{ keyId: 'a', atMs: 30_000_000 * MINUTE_MS }],
      [{ keyId: 'a', atMs: 30_000_001 * MINUTE_MS }],
    ])
    expect(carried).toHaveLength(2)
  })

  it('is not written where the key that was read says it already', async () => {
    note('a', 30_000_000 * MINUTE_MS)
    note('b', 30_000_000 * MINUTE_MS - 1)
    await settle()
    expect(written.flat().map(({ keyId }) => keyId)).toEqual(['b'])
  })

  it('goes with others in one batch while a write is under way', async () => {
    const gate = Promise.withResolvers<void>()
    fault = () => gate.promise
    note('a')
    for (let i = 0; i < 2_500; i++) note(`k${i}`)
    await settle()
    expect(written).toHaveLength(1)
    expect(carried).toHaveLength(1)
    gate.resolve()
    await Promise.all(carried)
    expect(written.map(({ length }) => length)).toEqual([1, 1_000, 1_000, 500])
  })

  it('that cannot be written is reported and forgotten', async () => {
    fault = () => Promise.reject(new Error('down'))
    note('a')
    await expect(Promise.all(carried)).resolves.toHaveLength(1)
    expect(reported).toHaveLength(1)
    fault = undefined
    note('b')
    await settle()
    expect(written.map(([use]) => use?.keyId)).toEqual(['a', 'b'])
  })

  it('does not wait for ever for a write of a request that was cancelled', async () => {
    fault = () => new Promise(() => {})
    note('a')
    nowMs += 9_999
    note('b')
    expect(written).toHaveLength(1)
    fault = undefined
    nowMs += 1
    note('c')
    await settle()
    expect(
      written
        .slice(1)
        .flat()
        .map(({ keyId }) => keyId),
    ).toEqual(['b', 'c'])
  })

  it('is remembered for so many keys and no more', async () => {
    lastUse = make(2)
    for (const id of ['a', 'b', 'c', 'c', 'b', 'a']) note(id)
    await Promise.all(carried)
    expect(written.flat().map(({ keyId }) => keyId)).toEqual(['a', 'b', 'c', 'a'])
  })
})
