/** What is remembered of erasures and what their receipts say, judged by an implementation of JWS that is not ours. */
import { compactVerify, createLocalJWKSet } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { erasureReceipt, RECEIPT_TYPE, REMAINDERS, signedReceipt } from '../../../src/tenancy/erasure-receipt.ts'
import { ErasureRecords, NOTHING_ERASED } from '../../../src/tenancy/erasure-record.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { Signer } from '../../../src/tenancy/signing.ts'

const FIRST = { shards: 2, keys: 3, collections: 1, jobs: 4, documents: 50, usage: 6, originals: 9, models: 2 }
const SECOND = { shards: 1, keys: 0, collections: 2, jobs: 0, documents: 7, usage: 10, originals: 2, models: 3 }
const BOTH = { shards: 3, keys: 3, collections: 3, jobs: 4, documents: 57, usage: 16, originals: 11, models: 5 }

let records: ErasureRecords

beforeEach(() => {
  const database = new NodeSqlDatabase()
  applyMigrations(database, [...ErasureRecords.migrations, ...ErasureRecords.laterMigrations])
  records = new ErasureRecords(database)
})

describe('the record of an erasure', () => {
  it('sums what every run removed, from the first one’s beginning to the end', () => {
    expect(records.add('acme', FIRST, false, 1_000)).toEqual({ tenantId: 'acme', startedAtMs: 1_000, ...FIRST })
    const whole = { tenantId: 'acme', startedAtMs: 1_000, finishedAtMs: 2_000, ...BOTH }
    expect(records.add('acme', SECOND, true, 2_000)).toEqual(whole)
    expect(records.find('acme')).toEqual(whole)
  })

  it('keeps its end when it is asked for again', () => {
    const first = records.add('acme', FIRST, true, 1_000)
    expect(first.finishedAtMs).toBe(1_000)
    expect(records.add('acme', NOTHING_ERASED, true, 9_000)).toEqual(first)
    expect(records.add('acme', NOTHING_ERASED, false, 9_500)).toEqual(first)
  })

  it('is of one tenant, and absent where nothing was erased', () => {
    records.add('acme', FIRST, true, 1_000)
    records.add('beta', SECOND, true, 1_500)
    expect(records.find('acme')).toMatchObject(FIRST)
    expect(records.find('beta')).toMatchObject(SECOND)
    expect(records.find('gamma')).toBeUndefined()
  })
})

describe('the receipt of an erasure', () => {
  const record = { tenantId: 'acme', startedAtMs: Date.UTC(2026, 0, 1), finishedAtMs: Date.UTC(2026, 0, 2), ...BOTH }
  const signer = new Signer(new Sealer('5a'.repeat(32)))

  it('names every store with what was removed from it, and all that may remain', () => {
    const { shards, originals, ...database } = BOTH
    expect(erasureReceipt(record)).toEqual({
      id: 'acme',
      startedAt: '2026-01-01T00:00:00.000Z',
      erasedAt: '2026-01-02T00:00:00.000Z',
      stores: { shards, tenantObject: true, originals, database },
      remains: REMAINDERS,
    })
  })

  it('is signed over all of it, the same for the same record', async () => {
    const { receipt, ...said } = await signedReceipt(signer, record)
    const { keys } = await signer.jwks()
    const verified = await compactVerify(receipt, createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) }))
    expect(verified.protectedHeader.typ).toBe(RECEIPT_TYPE)
    expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(said)
    expect(said).toEqual(erasureReceipt(record))
    expect((await signedReceipt(signer, { ...record })).receipt).toBe(receipt)
    expect((await signedReceipt(signer, { ...record, documents: 58 })).receipt).not.toBe(receipt)
  })
})
