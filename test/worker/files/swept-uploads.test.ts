/**
 * An upload that dies with everything around it, at each of its steps in turn: the sweep of the files object leaves nothing
 * of it in the bucket, in D1, in the files object or in shards.
 */
import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CollectionRecord } from '../../../src/catalog/records.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { newJobId, type CollectionId, type TenantUid } from '../../../src/core/ids.ts'
import { ORIGINAL_PART_BYTES } from '../../../src/core/limits.ts'
import { filesObjectName, FilesObjects } from '../../../src/files/files-objects.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import { R2Originals } from '../../../src/files/originals.ts'
import { makeWorld, type World } from '../http/http-harness.ts'

const TABLES = ['uploads', 'upload_multiparts', 'file_jobs', 'files', 'file_documents', 'spent_originals']

let world: World
let uploads = 0

beforeAll(async () => {
  world = await makeWorld()
})

afterEach(() => {
  vi.useRealTimers()
})

interface Place {
  readonly collection: CollectionRecord
  readonly tenantUid: TenantUid
  readonly key: string
}

async function newPlace(): Promise<Place> {
  const { key } = await world.makeTenant()
  const { json } = await world.call('POST', '/v1/collections', { key, body: { name: 'docs' } })
  const collectionId = json.id as CollectionId
  const row = env.DB.prepare('SELECT tenant_uid AS uid FROM collections WHERE id = ?').bind(collectionId)
  const tenantUid = (await row.first<TenantUid>('uid')) as TenantUid
  const collection = await new Catalog(env.DB, systemClock).collections.find(tenantUid, collectionId)
  if (collection === undefined) throw new Error('a collection that was made is found')
  return { collection, tenantUid, key }
}

const textStream = (text: string): ReadableStream<Uint8Array> => new Blob([text]).stream()

/** The calls that an upload makes, one after another; it ends before the one that is numbered. */
async function upload({ collection, tenantUid }: Place, steps: number): Promise<void> {
  const uploadId = `upl_sweep${++uploads}`
  const jobId = newJobId()
  const prefix = await originalPrefix(tenantUid, collection.id, uploadId)
  const files = await new FilesObjects(env.FILES).of(tenantUid)
  const bucket = new R2Originals(env.ORIGINALS)
  const open = { tenantUid, collectionId: collection.id, uploadId, jobId }
  const calls: (() => Promise<unknown>)[] = [
    () => files.openUpload(open),
    () => bucket.store(`${prefix}1`, textStream('Gannets plunge in'), { maxBytes: 1_000 }),
    // A second file goes up in parts, of which one is there.
    async () => {
      const parts = await env.ORIGINALS.createMultipartUpload(`${prefix}2`)
      await files.noteMultipart(uploadId, `${prefix}2`, parts.uploadId)
      await parts.uploadPart(1, new Uint8Array(ORIGINAL_PART_BYTES))
    },
    () =>
      new Catalog(env.DB, systemClock).jobs.create({
        id: jobId,
        tenantUid,
        collectionId: collection.id,
        kind: 'files',
        total: 1,
        keyId: 'key1',
      }),
  ]
  for (const call of calls.slice(0, steps)) await call()
}

const objectOf = async (tenantUid: TenantUid) => env.FILES.getByName(await filesObjectName(tenantUid))

async function rest({ tenantUid, key }: Place): Promise<Record<string, unknown>> {
  const rows = await runInDurableObject(await objectOf(tenantUid), (_, { storage }) =>
    Object.fromEntries(TABLES.map((table) => [table, storage.sql.exec(`SELECT 1 FROM ${table}`).toArray().length])),
  )
  const jobs = await env.DB.prepare('SELECT count(*) AS n FROM jobs WHERE tenant_uid = ?').bind(tenantUid).first('n')
  const { objects } = await env.ORIGINALS.list({ prefix: await originalPrefix(tenantUid) })
  const { json } = await world.call('GET', '/v1/collections/docs', { key })
  const { documents, pending } = json.statistics
  return { ...rows, jobs, originals: objects.length, documents, pending }
}

const NOTHING = {
  ...Object.fromEntries(TABLES.map((table) => [table, 0])),
  jobs: 0,
  originals: 0,
  documents: 0,
  pending: 0,
}

describe('an upload that dies', () => {
  it.each([1, 2, 3, 4])('after %i of its calls leaves nothing behind a minute later', async (steps) => {
    const place = await newPlace()
    await upload(place, steps)
    await abortAllDurableObjects()
    expect(await rest(place)).toMatchObject({ uploads: 1, originals: steps > 1 ? 1 : 0, jobs: steps > 3 ? 1 : 0 })
    const diedMs = Date.now()
    vi.useFakeTimers({ toFake: ['Date'], now: diedMs + 30_000 })
    await runDurableObjectAlarm(await objectOf(place.tenantUid))
    // Nothing of it is left but the row that has a second look taken, for what a request may still have stored.
    expect(await rest(place)).toEqual({ ...NOTHING, uploads: 1, upload_multiparts: steps > 2 ? 1 : 0 })
    vi.setSystemTime(diedMs + 60_000)
    await runDurableObjectAlarm(await objectOf(place.tenantUid))
    expect(await rest(place)).toEqual(NOTHING)
  })
})
