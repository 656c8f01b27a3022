/** The tenant's object inside workerd: RPC, storage that outlives the object, the alarm that prunes, erasure. */
import { env } from 'cloudflare:workers'
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { sha256, utf8 } from '../../../src/core/bytes.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { newTenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { runIdempotent } from '../../../src/tenancy/idempotency.ts'
import type { Answer } from '../../../src/tenancy/idempotency.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import type { TenantObject } from '../../../src/tenancy/tenant-object.ts'
import { tenantObjectName, TenantObjects } from '../../../src/tenancy/tenant-objects.ts'

const LOOKUP = '0'.repeat(64)
const PRINT = '1'.repeat(64)
const tenantObjects = new TenantObjects(env.TENANT)
let stub: DurableObjectStub<TenantObject>

beforeEach(async () => {
  stub = await tenantObjects.of(newTenantUid())
})

async function begin(): Promise<{ lease: string; operationId: string }> {
  const result = await stub.beginReplay(LOOKUP, PRINT)
  if (result.kind !== 'run') throw new Error(result.kind)
  return result
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )

const exec = (statement: string): Promise<Record<string, SqlStorageValue>[]> =>
  runInDurableObject(stub, (_, state) => state.storage.sql.exec(statement).toArray())

describe('the object', () => {
  it('keeps an answer and hands it out again, bytes as they were', async () => {
    const { lease } = await begin()
    expect(await stub.beginReplay(LOOKUP, PRINT)).toEqual({ kind: 'inFlight', retryAfterSeconds: 1 })
    expect(await stub.renewReplay(LOOKUP, lease)).toBe(true)
    const pieces = [new Uint8Array(1_000_000).fill(7), Uint8Array.of(1, 2, 3)]
    expect(await stub.finishReplay(LOOKUP, lease, { status: 201, pieces })).toBe(true)
    const replay = await stub.beginReplay(LOOKUP, PRINT)
    expect(replay).toEqual({ kind: 'replay', status: 201, pieces })
    expect(await stub.beginReplay(LOOKUP, '2'.repeat(64))).toEqual({ kind: 'reused' })
    expect(await stub.finishReplay(LOOKUP, lease, { status: 500, pieces: [] })).toBe(false)
  })

  it('frees a key that is dropped', async () => {
    const { lease, operationId } = await begin()
    await stub.dropReplay(LOOKUP, lease)
    expect((await begin()).operationId).toBe(operationId)
  })

  it('hands a key over when the lease ended with its Worker', async () => {
    const first = await begin()
    await exec('UPDATE replay_records SET lease_ends_ms = 1')
    const second = await begin()
    expect(second.operationId).toBe(first.operationId)
    expect(await stub.finishReplay(LOOKUP, first.lease, { status: 200, pieces: [] })).toBe(false)
    expect(await stub.finishReplay(LOOKUP, second.lease, { status: 200, pieces: [] })).toBe(true)
  })

  it('is another one for every tenant, and for the operator', async () => {
    await begin()
    const other = await tenantObjects.of(newTenantUid())
    expect((await other.beginReplay(LOOKUP, PRINT)).kind).toBe('run')
    expect((await (await tenantObjects.of()).beginReplay(LOOKUP, PRINT)).kind).toBe('run')
    const names = ['operator', '', 'x'].map((uid) => tenantObjectName(uid as TenantUid))
    const all = await Promise.all([...names, tenantObjectName()])
    expect(new Set(all).size).toBe(4)
    for (const name of all) expect(name).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('the alarm', () => {
  it('removes what is 24 h old, wakes again for what is not, and then rests', async () => {
    const { lease } = await begin()
    await stub.finishReplay(LOOKUP, lease, { status: 200, pieces: [Uint8Array.of(1)] })
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect((await stub.beginReplay(LOOKUP, PRINT)).kind).toBe('replay')
    const next = await runInDurableObject(stub, (_, state) => state.storage.getAlarm())
    expect(next).toBeGreaterThan(Date.now())

    await exec('UPDATE replay_records SET expires_ms = 1')
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await exec('SELECT lookup FROM replay_records UNION SELECT lookup FROM replay_pieces')).toEqual([])
    expect(await runDurableObjectAlarm(stub)).toBe(false)
  })
})

describe('an erased object', () => {
  it('holds nothing and takes nothing, however often it is erased', async () => {
    const { lease } = await begin()
    await stub.finishReplay(LOOKUP, lease, { status: 200, pieces: [Uint8Array.of(1)] })
    await stub.erase()
    await stub.erase()
    expect(await codeOf(stub.beginReplay(LOOKUP, PRINT))).toBe('not_found')
    expect(await codeOf(stub.takeRates([]))).toBe('not_found')
    expect(await codeOf(stub.finishReplay(LOOKUP, lease, { status: 200, pieces: [] }))).toBe('not_found')
    expect(await runDurableObjectAlarm(stub)).toBe(false)
    const tables = await exec("SELECT name FROM sqlite_schema WHERE name LIKE 'replay%' OR name = 'schema_migrations'")
    expect(tables).toEqual([])
    await runInDurableObject(stub, (object: TenantObject) => object.alarm())
  })
})

describe('a request with an idempotency key', () => {
  it('runs once, over the real object', async () => {
    const sealer = new Sealer('ab'.repeat(32))
    const request = { method: 'POST', path: '/v1/keys', key: 'k', bodyDigest: await sha256(utf8('{}')), rights: 'r' }
    let runs = 0
    const run = async (): Promise<Answer> => {
      runs++
      return { status: 201, headers: { location: '/v1/keys/1' }, body: 'ж'.repeat(1_200_000) }
    }
    const first = await runIdempotent({ replays: stub, sealer }, request, run)
    const second = await runIdempotent({ replays: stub, sealer }, request, run)
    expect([first.replayed, second.replayed, runs]).toEqual([false, true, 1])
    expect({ ...second, replayed: false }).toEqual(first)
  })

  it('is refused as overloaded where the object cannot be reached', async () => {
    const sealer = new Sealer('ab'.repeat(32))
    const replays = { ...stub, beginReplay: () => Promise.reject(new Error('Network connection lost.')) }
    const request = { method: 'POST', path: '/', key: 'k', bodyDigest: await sha256(utf8('')), rights: 'r' }
    const asked = runIdempotent({ replays, sealer }, request, () => Promise.reject())
    expect(await codeOf(asked)).toBe('overloaded')
  })
})
