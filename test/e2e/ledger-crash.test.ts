/**
 * `kill -9` again and again under write load with quotas: after each restart usage is what was acknowledged, each write
 * counted once, what is stored is what lists show, no quota is passed and nothing stays reserved. `NEARFIELD_LEDGER_KILLS`
 * sets how often.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { NearfieldClient } from '../../src/client/client.ts'
import { copyState, freePort, startServer, until } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { listAll, makeTenant } from '../support/tenants.ts'

const KILLS = Number(process.env['NEARFIELD_LEDGER_KILLS'] ?? 10)
/** Four writers of six documents each pass the first and, with long texts, the last. */
const QUOTA = { documents: 15, chunks: 60, storedBytes: 800 }
const WRITERS = 4
/** Answers to wait for between two kills. */
const WRITES_A_ROUND = 12

const servers: LocalServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function start(state: string, port: number): Promise<LocalServer> {
  const server = await startServer(state, port)
  servers.push(server)
  return server
}

interface Usage {
  readonly totals: { readonly documentsWritten: number; readonly documentsDeleted: number }
  readonly stored: { readonly documents: number; readonly chunks: number; readonly bytes: number }
  readonly limits: readonly {
    readonly meter: string
    readonly limit: number
    readonly used: number
    readonly reserved: number
  }[]
}

/** What clients know: acknowledged writes, and those without an answer, which may have happened once. */
interface Account {
  written: number
  deleted: number
  unknownWrites: number
  unknownDeletions: number
  refused: number
  /** Of all writers together; it goes on across kills, so that each write is another. */
  round: number
}

/** Writes, rewrites and deletes documents of its own until the server goes away. */
async function keepWriting(client: NearfieldClient, name: string, account: Account): Promise<void> {
  for (;;) {
    const round = account.round++
    const id = `${name}-${round % 6}`
    const text = `The heron ${name} saw ${round} otters. ${'They swam on. '.repeat(round % 4)}`
    try {
      account.unknownWrites++
      const result = await client.put('notes', [{ id, text }])
      account.unknownWrites--
      if ('results' in result && result.results[0]?.status !== 'unchanged') account.written++
    } catch (error) {
      if (!isRefusal(error)) return
      account.unknownWrites--
      account.refused++
    }
    if (round % 2 === 0) continue
    try {
      account.unknownDeletions++
      await client.request('DELETE', `/v1/collections/notes/documents/${name}-${(round + 3) % 6}`)
      account.unknownDeletions--
      account.deleted++
    } catch (error) {
      if (!isAnswer(error)) return
      account.unknownDeletions--
    }
  }
}

const isAnswer = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
const isRefusal = (error: unknown): boolean => isAnswer(error) && (error as { code?: string }).code === 'quota_exceeded'

describe('the ledger', () => {
  it(
    `is exact after each of ${KILLS} kills under load, and no quota is ever passed`,
    async () => {
      const port = await freePort()
      let server = await start(copyState(inject('preparedState')), port)
      const { id, client } = await makeTenant(server)
      const operator = new NearfieldClient({ url: server.credentials.url, key: server.credentials.rootKey })
      await operator.request('PATCH', `/v1/tenants/${id}`, { limits: QUOTA })
      await client.createCollection({ name: 'notes', shards: 2 })
      const account: Account = { written: 0, deleted: 0, unknownWrites: 0, unknownDeletions: 0, refused: 0, round: 0 }

      const staged = await client.put('notes', [{ id: 'staged', text: 'An owl.' }], { prefer: 'respond-async' })
      if ('job' in staged) await client.waitForJob(staged.job.id)
      account.written++

      for (let kill = 0; kill < KILLS; kill++) {
        const writers = Array.from({ length: WRITERS }, (_, writer) => keepWriting(client, `w${writer}`, account))
        const before = account.written + account.refused
        await until('some writes are answered', () => account.written + account.refused >= before + WRITES_A_ROUND)
        // At some point of the writes that follow.
        await sleep((kill * 37) % 200)
        for (const role of ['supervisor', 'runtime'] as const) process.kill(server.pid(role), 'SIGKILL')
        await server.untilExit()
        await Promise.all(writers)
        server = await start(server.state, port)
        await checkAccount(client, account)
      }
      expect(account.written).toBeGreaterThan(KILLS)
      expect(account.deleted).toBeGreaterThan(KILLS)
      expect(account.refused).toBeGreaterThan(0)
      await until('nothing is reserved any more', async () => {
        const { limits } = await usageOf(client)
        return limits.every(({ reserved }) => reserved === 0)
      })
    },
    60_000 + KILLS * 60_000,
  )
})

const usageOf = (client: NearfieldClient): Promise<Usage> => client.request('GET', '/v1/usage')

/** Within 60 s the ledger has heard of all that the shards hold. */
async function checkAccount(client: NearfieldClient, account: Account): Promise<void> {
  const documents = await listAll(client, 'notes')
  const { statistics } = await client.collection('notes')
  let usage = await usageOf(client)
  await until(
    'the ledger is as the shards are',
    async () => {
      usage = await usageOf(client)
      return usage.stored.documents === documents.length && usage.stored.bytes === statistics.bytes
    },
    60_000,
  )
  const { documents: count, chunks, bytes } = statistics
  expect(usage.stored).toEqual({ documents: count, chunks, bytes })
  for (const { meter, limit, used } of usage.limits) expect(used, meter).toBeLessThanOrEqual(limit)
  const { documentsWritten, documentsDeleted } = usage.totals
  expect(documentsWritten).toBeGreaterThanOrEqual(account.written)
  expect(documentsWritten).toBeLessThanOrEqual(account.written + account.unknownWrites)
  expect(documentsDeleted).toBeGreaterThanOrEqual(account.deleted)
  expect(documentsDeleted).toBeLessThanOrEqual(account.deleted + account.unknownDeletions)
  // What was unknown is known now: the next round begins with exact sums.
  account.written = documentsWritten
  account.deleted = documentsDeleted
  account.unknownWrites = 0
  account.unknownDeletions = 0
}
