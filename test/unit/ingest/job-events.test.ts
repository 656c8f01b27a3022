/** The events of a job under a clock that only waiting moves. */
import { describe, expect, it } from 'vitest'
import { MAX_JOB_EVENTS_MS } from '../../../src/core/limits.ts'
import { Problem } from '../../../src/core/problem.ts'
import { openJobEvents, type JobEvent } from '../../../src/ingest/job-events.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { FakeIngest, problemOf } from './fake-ingest.ts'

const KEY = {
  kind: 'secret',
  keyId: 'key1',
  tenant: { id: 't', uid: 'ten_1', suspended: false, limits: {} },
  scopes: new Set(['documents:read']),
} as unknown as Principal

/** A job of `count` files, and its events; `onSleep` is told how often was waited. */
async function world(count: number, onSleep: (fake: FakeIngest, turn: number) => void = () => {}, after = 0) {
  const fake = new FakeIngest()
  const { tenantUid, id: collectionId } = fake.collection
  const jobId = 'job_1' as never
  await fake.deps.jobs.create({ id: jobId, tenantUid, collectionId, kind: 'files', total: count, keyId: 'key1' })
  await fake.files.openUpload({ uploadId: 'upl_1', jobId, tenantUid, collectionId })
  const files = Array.from({ length: count }, (_, i) => ({
    name: `f${i + 1}`,
    key: '',
    bytes: 1,
    sha256: '',
    format: undefined,
  }))
  const writer = { keyId: 'key1', mayWriteAcl: true }
  await fake.files.acceptUpload({ uploadId: 'upl_1', jobId, tenantUid, collectionId, files, options: {}, writer })
  const waits: number[] = []
  const access: { refusal?: Error } = {}
  const events = await openJobEvents(fake.deps, KEY, 'job_1', () => () => true, {
    after,
    sleep: async (ms) => {
      fake.nowMs += ms
      waits.push(ms)
      onSleep(fake, waits.length)
    },
    requireAccess: async () => {
      if (access.refusal !== undefined) throw access.refusal
      return KEY
    },
  })
  return { fake, events, waits, access }
}

const all = async (events: AsyncGenerator<JobEvent>): Promise<JobEvent[]> => {
  const seen: JobEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

describe('the events of a job', () => {
  it('are heartbeats where nothing happens, ever less often looked for, and end after five minutes', async () => {
    const { fake, events, waits } = await world(1)
    const startMs = fake.nowMs
    const seen = await all(events)
    expect(seen.slice(0, 2).map(({ type }) => type)).toEqual(['file', 'progress'])
    const beats = seen.slice(2)
    expect(new Set(beats.map(({ type }) => type))).toEqual(new Set(['heartbeat']))
    expect(beats.length).toBeGreaterThan(15)
    expect(waits.slice(0, 5)).toEqual([250, 500, 1_000, 2_000, 2_000])
    expect(fake.nowMs - startMs).toBeGreaterThanOrEqual(MAX_JOB_EVENTS_MS)
    expect(fake.nowMs - startMs).toBeLessThan(MAX_JOB_EVENTS_MS + 2_000)
  })

  it('tell every file once at each of its states that is seen, and all of them before the end', async () => {
    const { events } = await world(250, (fake, turn) => {
      for (let number = turn; number <= 250; number += 7)
        fake.files.change('job_1', number, { status: turn < 7 ? 'parsing' : 'indexed' })
      if (turn === 9)
        for (let number = 1; number <= 250; number++) fake.files.change('job_1', number, { status: 'indexed' })
    })
    const seen = await all(events)
    const last = new Map<string, string>()
    let revision = 0
    for (const event of seen) {
      if (event.type === 'heartbeat') continue
      expect(event.revision).toBeGreaterThanOrEqual(revision)
      revision = event.revision
      if (event.type === 'file') last.set(event.file.name, event.file.status)
    }
    expect(last.size).toBe(250)
    expect(new Set(last.values())).toEqual(new Set(['indexed']))
    expect(seen.at(-1)?.type).toBe('done')
  })

  it('begin behind the revision that was seen', async () => {
    const { fake, events } = await world(3, undefined, 2)
    for (const number of [1, 3]) fake.files.change('job_1', number, { status: 'indexed' })
    fake.files.change('job_1', 2, { status: 'failed' })
    const names = (await all(events)).flatMap((event) => (event.type === 'file' ? [event.file.name] : []))
    expect(names).toEqual(['f1', 'f3', 'f2'])
  })

  it('end silently when the credential or its reach is gone, and loudly when something breaks', async () => {
    for (const code of ['unauthorized', 'forbidden', 'not_found'] as const) {
      const { events, access } = await world(1, () => {
        access.refusal = new Problem(code)
      })
      expect((await all(events)).map(({ type }) => type)).toEqual(['file', 'progress'])
    }
    const { events, access } = await world(1, () => {
      access.refusal = new Error('broken')
    })
    await expect(all(events)).rejects.toThrow('broken')
  })

  it('are refused before the first one for a job that is not there', async () => {
    const { fake } = await world(1)
    const options = { after: 0, sleep: async () => {}, requireAccess: async () => KEY }
    expect((await problemOf(openJobEvents(fake.deps, KEY, 'job_2', () => () => true, options))).code).toBe('not_found')
  })
})
