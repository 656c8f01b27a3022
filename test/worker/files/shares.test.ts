/** Files of several tenants, files beyond a quota and files that change, over HTTP on the real objects with the real model. */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeWorld, ORIGIN, type Answer, type TestTenant, type World } from '../http/http-harness.ts'

const QUEUED = 150
const PER_UPLOAD = 50

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await newTenant()
})

async function newTenant(): Promise<TestTenant> {
  const made = await world.makeTenant()
  await world.call('POST', '/v1/collections', { key: made.key, body: { name: 'docs' } })
  return made
}

const call = (method: string, path: string, { key }: TestTenant = tenant): Promise<Answer> =>
  world.call(method, path, { key })

async function upload(
  files: Readonly<Record<string, string>>,
  options: object = {},
  { key }: TestTenant = tenant,
): Promise<string> {
  const form = new FormData()
  form.append('options', JSON.stringify(options))
  for (const [name, content] of Object.entries(files)) form.append('file', new Blob([content]), name)
  const request = { method: 'POST', headers: { authorization: `Bearer ${key}` }, body: form }
  const response = await world.fetch(new Request(`${ORIGIN}/v1/collections/docs/files`, request))
  expect(response.status, await response.clone().text()).toBe(202)
  return (await response.json<{ job: { id: string } }>()).job.id
}

async function settled(jobId: string, of: TestTenant = tenant): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', `/v1/jobs/${jobId}`, of)
    if (!['queued', 'running'].includes(json.status)) return json
    await scheduler.wait(50)
  }
}

const filesOf = async (jobId: string): Promise<Answer['json'][]> =>
  (await call('GET', `/v1/jobs/${jobId}/files?limit=10`)).json.data

async function limit(limits: object): Promise<void> {
  const patched = await world.call('PATCH', `/v1/tenants/${tenant.id}`, { key: world.rootKey, body: { limits } })
  expect(patched.status).toBe(200)
}

describe('one file of a tenant', () => {
  it('does not wait for the many files of another', async () => {
    const jobs: string[] = []
    for (let from = 0; from < QUEUED; from += PER_UPLOAD) {
      const names = Array.from({ length: PER_UPLOAD }, (_, i) => `file-${from + i}.txt`)
      jobs.push(await upload(Object.fromEntries(names.map((name) => [name, `Herons number ${name} wade.`]))))
    }
    const done = async (): Promise<number> => {
      const answers = await Promise.all(jobs.map((id) => call('GET', `/v1/jobs/${id}`)))
      return answers.reduce((sum, { json }) => sum + json.progress.done, 0)
    }
    const other = await newTenant()
    const before = await done()
    const one = await settled(await upload({ 'one.txt': 'One ibis stands alone.' }, {}, other), other)
    const after = await done()
    expect(one).toMatchObject({ status: 'succeeded', counts: { succeeded: 1 } })
    // Its own turn of reading and embedding, and the second in which a shard gathers what it reports.
    expect(after - before).toBeLessThanOrEqual(QUEUED / 2)
    expect(after).toBeLessThan(QUEUED)
    for (const id of jobs) expect(await settled(id)).toMatchObject({ status: 'succeeded' })
    expect(await done()).toBe(QUEUED)
  })
})

describe('a file beyond the quota of its tenant', () => {
  it('says how many of its documents found no room and why; after more is allowed, a retry brings exactly those', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `${i},Row number${i} of the table`)
    await limit({ documents: 120 })
    const options = { documents: 'rows', mapping: { text: ['note'] } }
    const jobId = await upload({ 'table.csv': ['number,note', ...rows].join('\n') }, options)
    await settled(jobId)
    const [file] = await filesOf(jobId)
    expect(file).toMatchObject({ status: 'indexed', documents: 300, failedDocuments: 180, code: 'quota_exceeded' })
    expect(file.detail).toMatch(/document/)
    expect((await call('GET', '/v1/collections/docs')).json.statistics).toMatchObject({ documents: 120, pending: 0 })
    await limit({ documents: 1_000 })
    await scheduler.wait(50)
    expect((await call('POST', `/v1/jobs/${jobId}/retry`)).status).toBe(202)
    await expect
      .poll(async () => (await filesOf(jobId))[0], { timeout: 60_000, interval: 200 })
      .toMatchObject({ status: 'indexed', documents: 300, failedDocuments: 0 })
    const { statistics } = (await call('GET', '/v1/collections/docs')).json
    expect(statistics).toMatchObject({ documents: 300, pending: 0 })
    expect(await settled(jobId)).toMatchObject({ status: 'succeeded', counts: { succeeded: 1, failed: 0 } })
    expect((await call('POST', `/v1/jobs/${jobId}/retry`)).status).toBe(409)
  })
})

describe('a file of which one paragraph changes', () => {
  it('keeps the vectors of the others, and costs the tokens of what is new', async () => {
    const sentence = (i: number, word: string): string => `The ${word} of harbour ${i} counts ships, waves and lamps. `
    const paragraphs = (changed?: number): string =>
      Array.from({ length: 40 }, (_, i) =>
        sentence(i, i === changed ? 'warden' : 'keeper')
          .repeat(16)
          .trim(),
      ).join('\n\n')
    const first = await upload({ 'book.txt': paragraphs() })
    await settled(first)
    const second = await upload({ 'book.txt': paragraphs(20) })
    await settled(second)
    const [[before], [after]] = [await filesOf(first), await filesOf(second)]
    expect(after.chunks).toBeGreaterThanOrEqual(35)
    const share = after.reusedChunks / after.chunks
    expect(share).toBeGreaterThan(0.9)
    expect(share).toBeLessThan(1)
    expect(after.tokens).toBeLessThan(before.tokens / 10)
    const used = async (): Promise<number> => {
      const { json } = await call('GET', '/v1/usage')
      return json.data.reduce((sum: number, row: { embeddingTokens?: number }) => sum + (row.embeddingTokens ?? 0), 0)
    }
    await expect.poll(used, { timeout: 20_000 }).toBe(before.tokens + after.tokens)
  })
})
