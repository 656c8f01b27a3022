/**
 * `kill -9` of each process in turn while documents are being uploaded, some with 200 and some with 202, and deleted.
 * After a restart everything that was acknowledged holds, and nothing stands half.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, inject, it } from 'vitest'
import type { NearfieldClient } from '../../src/client/client.ts'
import { copyState, freePort, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { getDocument, listAll, makeTenant } from '../support/tenants.ts'

const servers: LocalServer[] = []

async function start(state: string, port: number): Promise<LocalServer> {
  const server = await startServer(state, port)
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

const SENTENCES = ['The heron waits by the weir.', 'An otter crosses the mill stream.', 'The owl sleeps in the barn.']
const textOf = (id: string): string => `${SENTENCES.map((sentence) => `${sentence} It is note ${id}.`).join('\n\n')}\n`

/** What the server has acknowledged so far. */
interface Promised {
  readonly present: Set<string>
  readonly deleted: Set<string>
  /** Sent, but without an answer: either outcome is right, half of one is not. */
  readonly unanswered: Set<string>
  readonly jobs: string[]
}

/** Uploads and deletes until the server goes away. */
async function keepWriting(client: NearfieldClient, promised: Promised): Promise<void> {
  for (let round = 0; ; round++) {
    const ids = [0, 1, 2].map((number) => `sync-${round}-${number}`)
    for (const id of ids) promised.unanswered.add(id)
    try {
      await client.put(
        'notes',
        ids.map((id) => ({ id, text: textOf(id) })),
      )
      for (const id of ids) {
        promised.unanswered.delete(id)
        promised.present.add(id)
      }
      const doomed = `sync-${round}-1`
      promised.present.delete(doomed)
      promised.unanswered.add(doomed)
      await client.request('DELETE', `/v1/collections/notes/documents/${doomed}`)
      promised.unanswered.delete(doomed)
      promised.deleted.add(doomed)
    } catch {
      return
    }
  }
}

async function stage(client: NearfieldClient, promised: Promised): Promise<void> {
  const ids = Array.from({ length: 40 }, (_, number) => `staged-${number}`)
  const documents = ids.map((id) => ({ id, text: textOf(id) }))
  const result = await client.put('notes', documents, { prefer: 'respond-async' })
  if (!('job' in result)) throw new Error('a request with respond-async answers 202')
  promised.jobs.push(result.job.id)
  for (const id of ids) promised.present.add(id)
}

describe('an upload', () => {
  it.each([
    { victim: 'runtime', shards: 1 },
    { victim: 'runtime', shards: 3 },
    { victim: 'supervisor', shards: 3 },
    { victim: 'both', shards: 1 },
  ] as const)('keeps every promise after kill -9: %o', async ({ victim, shards }) => {
    const port = await freePort()
    const before = await start(copyState(inject('preparedState')), port)
    const { client } = await makeTenant(before)
    await client.createCollection({ name: 'notes', shards })
    const promised: Promised = { present: new Set(), deleted: new Set(), unanswered: new Set(), jobs: [] }
    await stage(client, promised)
    const writing = keepWriting(client, promised)
    await sleep(1_500)
    const victims = victim === 'both' ? (['supervisor', 'runtime'] as const) : ([victim] as const)
    for (const pid of victims.map((role) => before.pid(role))) process.kill(pid, 'SIGKILL')
    await before.untilExit()
    const after = await start(before.state, port)
    await writing

    for (const job of promised.jobs) expect((await client.waitForJob(job)).status).toBe('succeeded')
    const documents = await listAll(client, 'notes')
    const ids = documents.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(promised.present.size).toBeGreaterThan(40)
    for (const id of promised.present) expect(ids).toContain(id)
    for (const id of promised.deleted) expect(ids).not.toContain(id)
    for (const { id, status, chunkCount } of documents) {
      expect([status, chunkCount > 0], id).toEqual(['indexed', true])
      expect(promised.present.has(id) || promised.unanswered.has(id), id).toBe(true)
    }
    for (const id of [...promised.present].filter((_, index) => index % 5 === 0)) {
      expect((await getDocument(client, 'notes', id)).text).toBe(textOf(id))
    }
    const { hits } = await client.search('notes', { query: 'the owl sleeps', limit: 1000, groupBy: 'document' })
    expect(hits.map(({ documentId }) => documentId).sort()).toEqual(ids.sort())
    expect((await client.collection('notes')).statistics).toMatchObject({ documents: ids.length, pending: 0 })
    await after.stop()
  })
})
