/** What sources bring: open jobs, files that come one by one, names that vanish. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionId, JobId } from '../../../src/core/ids.ts'
import { MAX_OPEN_UPLOADS, MAX_ORIGINAL_BYTES } from '../../../src/core/limits.ts'
import { acceptFiles } from '../../../src/files/job-actions.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import { FileWorld, TENANT } from '../../support/file-world.ts'

const JOB = 'job_00000000000000aa' as JobId
const WRITER = { keyId: 'key1' }

let world: FileWorld
let collectionId: CollectionId

const begin = () =>
  world.parts.intake.begin({ tenantUid: TENANT, collectionId, jobId: JOB, kind: 'crawl', writer: WRITER })

async function bring(name: string, text: string): Promise<string> {
  const { intake } = world.parts
  const stored = await intake.store(JOB, new Blob([text]).stream())
  intake.add(JOB, { ...stored, name })
  return stored.sha256
}

beforeEach(() => {
  world = new FileWorld()
  collectionId = world.collection.id
})

describe('a job of a source', () => {
  it('goes on while more may come, and ends when its files have ended', async () => {
    expect(await begin()).toBe('begun')
    expect(await begin()).toBe('begun')
    const sha256 = await bring('page-1', 'the first page')
    expect(world.parts.intake.holds(collectionId, 'page-1', sha256)).toBe(true)
    for (let i = 0; i < 5; i++) {
      await world.alarm()
      await world.advance(3_000)
    }
    expect(world.jobs.get(JOB)).toMatchObject({ total: 2, succeeded: 1, isClosed: false })
    world.parts.intake.settle(JOB, 'page-2', { status: 'failed', code: 'not_fetched', detail: 'it answered 500' })
    world.parts.intake.settle(JOB, 'page-3', { status: 'unchanged' })
    expect(world.parts.intake.isOpen(JOB)).toBe(true)
    world.parts.intake.end(JOB)
    expect(world.parts.intake.isOpen(JOB)).toBe(false)
    await world.settle()
    expect(world.jobs.get(JOB)).toMatchObject({ total: 3, succeeded: 2, failed: 1, isClosed: true })
    expect(world.documents()).toEqual({ 'page-1': 'the first page' })
    expect(world.parts.intake.holds(collectionId, 'page-1', sha256)).toBe(true)
    expect(world.parts.intake.holds(collectionId, 'page-1', 'another')).toBe(false)
  })

  it('without files ends at once', async () => {
    await begin()
    world.parts.intake.end(JOB)
    await world.settle()
    expect(world.jobs.get(JOB)).toMatchObject({ total: 0, isClosed: true })
  })

  it('deletes what a vanished name made, also while it waits', async () => {
    await begin()
    await bring('page-1', 'will vanish')
    await bring('page-2', 'stays')
    await world.alarm()
    await world.advance(1_000)
    await world.alarm()
    expect(Object.keys(world.documents())).toEqual(['page-1', 'page-2'])
    world.parts.intake.remove(collectionId, 'page-1', WRITER)
    await bring('page-3', 'is withdrawn before it was read')
    world.parts.intake.remove(collectionId, 'page-3', WRITER)
    world.parts.intake.end(JOB)
    await world.settle()
    expect(world.documents()).toEqual({ 'page-2': 'stays' })
    expect(world.originals.objects.size).toBe(1)
  })

  it('sweeps away what was stored and never added', async () => {
    await begin()
    await world.parts.intake.store(JOB, new Blob(['forgotten']).stream())
    expect(world.originals.objects.size).toBe(1)
    world.parts.intake.end(JOB)
    await world.advance(31_000)
    await world.alarm()
    expect(world.originals.objects.size).toBe(0)
    await world.advance(31_000)
    await world.settle()
  })

  it('is not to go on for a suspended tenant, nor for nobody', async () => {
    expect(await world.parts.intake.isSuspended()).toBe(true)
    await begin()
    expect(await world.parts.intake.isSuspended()).toBe(false)
    world.isSuspended = true
    expect(await world.parts.intake.isSuspended()).toBe(true)
  })

  it('is told where there is no room for another original, and files that come are refused', async () => {
    await begin()
    await bring('page-1', 'the first page')
    world.database.run('UPDATE files SET bytes = ?', MAX_ORIGINAL_BYTES)
    const stored = world.parts.intake.store(JOB, new Blob(['page']).stream())
    await expect(stored).rejects.toMatchObject({ name: 'FileFault', code: 'not_fetched' })
    const upload = { tenantUid: TENANT, collectionId, uploadId: 'upl_1', jobId: JOB }
    expect(() => world.parts.uploads.open(upload)).toThrow(expect.objectContaining({ code: 'originals_full' }))
    world.database.run('UPDATE files SET bytes = ?', MAX_ORIGINAL_BYTES - 3)
    world.parts.uploads.open(upload)
    const file = { name: 'a', key: 'k', bytes: 4, sha256: '', format: undefined }
    const request = { ...upload, files: [file], options: {}, writer: { keyId: 'key1', mayWriteAcl: true } }
    const accept = () => acceptFiles(world.parts.store, world.parts.uploads, request, [''])
    expect(accept).toThrow(expect.objectContaining({ code: 'originals_full' }))
    // It can still be swept, as if nobody had come back.
    expect(world.parts.uploads.find('upl_1')).toMatchObject({ swept: 0 })
    world.database.run('UPDATE files SET bytes = ?', MAX_ORIGINAL_BYTES - 4)
    expect(accept()).toBe(true)
  })

  it('is swept twice once its collection was deleted, because a request may still be storing', async () => {
    const upload = { tenantUid: TENANT, collectionId, uploadId: 'upl_1', jobId: JOB }
    const { uploads } = world.parts
    uploads.open(upload)
    const key = `${await originalPrefix(TENANT, collectionId, 'upl_1')}1`
    const store = () => world.originals.store(key, new Blob(['late']).stream())
    await store()
    uploads.dropCollection(collectionId)
    expect([uploads.take('upl_1'), uploads.renew('upl_1')]).toEqual([false, false])
    await world.alarm()
    expect(world.originals.objects.size).toBe(0)
    await store()
    await world.advance(31_000)
    await world.alarm()
    expect([world.originals.objects.size, uploads.find('upl_1')]).toEqual([0, undefined])
  })

  it('waits for its turn where too many uploads are on their way', () => {
    const open = (number: number): void =>
      world.parts.uploads.open({ tenantUid: TENANT, collectionId, uploadId: `upl_${number}` })
    for (let i = 0; i < MAX_OPEN_UPLOADS; i++) open(i)
    expect(() => open(MAX_OPEN_UPLOADS)).toThrow(expect.objectContaining({ code: 'overloaded' }))
  })

  it('is not begun for a tenant that is suspended already', async () => {
    world.isSuspended = true
    expect(await begin()).toBe('suspended')
    expect(world.jobs.size).toBe(0)
  })
})
