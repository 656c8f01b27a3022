/** Jobs of files over HTTP: what they show, page by page and as events, and how they are cancelled and tried again. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { acceptedOf, files, tenant, upload, useUploads, world } from './upload-api.ts'

useUploads()

afterEach(() => {
  vi.useRealTimers()
})

const get = (path: string, headers: Record<string, string> = {}, key = tenant.key): Promise<Answer> =>
  world.call('GET', path, { key, headers })

const post = (path: string, key = tenant.key): Promise<Answer> => world.call('POST', path, { key })

/** A job with files of these names. */
async function jobOf(...names: string[]): Promise<string> {
  return acceptedOf(await upload(names.map((name) => ['file', name, name] as const))).jobId
}

const failed = { status: 'failed', code: 'needs_ocr', detail: 'the pages are pictures of text' } as const

interface Event {
  readonly event?: string
  readonly id?: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into events of every shape
  readonly data?: any
}

const eventsOf = (text: string): Event[] =>
  text
    .split('\n\n')
    .filter((block) => block.startsWith('event: '))
    .map((block) => {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
      return { ...fields, data: JSON.parse(fields['data'] as string) }
    })

describe('a job of files', () => {
  it('shows each file as far as it has come, with what it cost', async () => {
    const id = await jobOf('a.txt', 'b.pdf', 'c.txt')
    expect((await get(`/v1/jobs/${id}`)).json).toMatchObject({
      kind: 'files',
      status: 'queued',
      progress: { done: 0, total: 3 },
      failures: [],
      finishedAt: null,
    })
    files.change(id, 1, {
      status: 'embedding',
      chunks: 40,
      embeddedChunks: 7,
      tokens: 900,
      tokenCost: 11_000,
      writtenChunks: 7,
      pages: 3,
    })
    files.change(id, 2, failed)
    const { json } = await get(`/v1/jobs/${id}`)
    expect(json).toMatchObject({ status: 'running', progress: { done: 1, total: 3 }, counts: { failed: 1 } })
    expect(json.failures).toEqual([{ documentId: 'b.pdf', code: failed.code, detail: failed.detail }])
    expect(json.files).toHaveLength(3)
    expect(json.files[0]).toMatchObject({ name: 'a.txt', status: 'embedding', bytes: 5, embeddedChunks: 7, pages: 3 })
    expect(json.files[0].cost).toEqual({ currency: 'USD', amount: 0.000046 })
    expect(json.files[0]).not.toHaveProperty('revision')
    expect(json.files[0]).not.toHaveProperty('writtenChunks')
    for (const [number, status] of [
      [1, 'indexed'],
      [3, 'unchanged'],
    ] as const)
      files.change(id, number, { status })
    expect((await get(`/v1/jobs/${id}`)).json).toMatchObject({
      status: 'succeeded',
      progress: { done: 3, total: 3 },
      counts: { succeeded: 2, failed: 1, cancelled: 0 },
    })
  })

  it('stands in the list beside jobs of documents, without its files', async () => {
    const id = await jobOf('a.txt', 'b.txt')
    files.change(id, 1, { status: 'indexed' })
    await world.call('PUT', '/v1/collections/docs/documents', {
      key: tenant.key,
      headers: { prefer: 'respond-async' },
      body: { documents: [{ id: 'x', text: 'The heron.' }] },
    })
    const { data } = (await get('/v1/jobs')).json
    expect(data.map(({ kind }: { kind: string }) => kind)).toEqual(['documents', 'files'])
    expect(data[1]).toMatchObject({ id, progress: { done: 1, total: 2 } })
    expect(data[1].files).toBeUndefined()
  })

  it('lists its files by pages and by where they stand', async () => {
    const id = await jobOf('a', 'b', 'c', 'd', 'e')
    for (const number of [2, 4, 5]) files.change(id, number, failed)
    const names = async (query: string): Promise<string[][]> => {
      const pages: string[][] = []
      for (let cursor: string | null = ''; cursor !== null;) {
        const page: Answer = await get(`/v1/jobs/${id}/files?${query}${cursor && `&cursor=${cursor}`}`)
        expect(page.status).toBe(200)
        pages.push(page.json.data.map(({ name }: { name: string }) => name))
        cursor = page.json.nextCursor as string | null
      }
      return pages
    }
    expect(await names('limit=2')).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(await names('limit=2&status=failed')).toEqual([['b', 'd'], ['e']])
    expect(await names('status=indexed')).toEqual([[]])
    const other = await jobOf('a', 'b')
    const { nextCursor } = (await get(`/v1/jobs/${other}/files?limit=1`)).json
    expect(problemOf(await get(`/v1/jobs/${id}/files?limit=1&cursor=${nextCursor}`)).pointers).toEqual(['/cursor'])
    expect(problemOf(await get(`/v1/jobs/${id}/files?status=lost`)).pointers).toEqual(['/status'])
  })

  it('that was not handed over is queued for a while, and then has failed', async () => {
    const id = await jobOf('a')
    files.files.delete(id)
    expect((await get(`/v1/jobs/${id}`)).json).toMatchObject({ status: 'queued', files: [] })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    expect((await get(`/v1/jobs/${id}`)).json).toMatchObject({ status: 'failed', progress: { done: 0, total: 1 } })
  })

  it('is cancelled where it is not done', async () => {
    const id = await jobOf('a', 'b')
    files.change(id, 1, { status: 'indexed' })
    const cancelled = await post(`/v1/jobs/${id}/cancel`)
    expect(cancelled.status).toBe(202)
    expect(cancelled.json).toMatchObject({ status: 'cancelled', counts: { succeeded: 1, cancelled: 1 } })
    expect(cancelled.json.files.map(({ status }: { status: string }) => status)).toEqual(['indexed', 'cancelled'])
  })

  it('tries its failed files again under its own id, or says that there are none', async () => {
    const id = await jobOf('a', 'b')
    expect(problemOf(await post(`/v1/jobs/${id}/retry`))).toMatchObject({ status: 409, code: 'nothing_to_retry' })
    files.change(id, 1, { status: 'indexed' })
    files.change(id, 2, failed)
    const again = await post(`/v1/jobs/${id}/retry`)
    expect(again).toMatchObject({ status: 202, json: { job: { id } } })
    expect(again.headers.get('location')).toBe(`/v1/jobs/${id}`)
    expect((await get(`/v1/jobs/${id}`)).json).toMatchObject({ status: 'running', finishedAt: null })
    const documents = await world.call('PUT', '/v1/collections/docs/documents', {
      key: tenant.key,
      headers: { prefer: 'respond-async' },
      body: { documents: [{ id: 'x', text: 'The heron.' }] },
    })
    const ofDocuments = documents.json.job.id as string
    expect(problemOf(await post(`/v1/jobs/${ofDocuments}/retry`)).code).toBe('nothing_to_retry')
    expect((await get(`/v1/jobs/${ofDocuments}/files`)).json).toEqual({ data: [], nextCursor: null })
  })

  it('is out of reach of keys of other collections, and of who may only read, where it would change', async () => {
    const id = await jobOf('a')
    files.change(id, 1, failed)
    const elsewhere = await world.makeKey(tenant, { scopes: ['documents:write'], collections: ['other'] })
    for (const path of ['', '/files', '/events']) {
      expect(problemOf(await get(`/v1/jobs/${id}${path}`, {}, elsewhere)).status).toBe(404)
    }
    expect(problemOf(await post(`/v1/jobs/${id}/retry`, elsewhere)).status).toBe(404)
    const reader = await world.makeKey(tenant, { scopes: ['documents:read'] })
    expect(problemOf(await post(`/v1/jobs/${id}/retry`, reader)).code).toBe('scope_missing')
    expect((await get(`/v1/jobs/${id}/files`, {}, reader)).status).toBe(200)
  })
})

describe('the events of a job', () => {
  const watch = (id: string, headers: Record<string, string> = {}): Promise<Answer> =>
    get(`/v1/jobs/${id}/events`, headers)

  it('tell each file, the progress and the end', async () => {
    const id = await jobOf('a', 'b')
    files.change(id, 1, { status: 'indexed', chunks: 2 })
    files.change(id, 2, failed)
    const { status, headers, text } = await watch(id)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text.startsWith('retry: ')).toBe(true)
    const events = eventsOf(text)
    expect(events.map(({ event }) => event)).toEqual(['file', 'file', 'progress', 'done'])
    expect(events[0]?.data).toMatchObject({ name: 'a', status: 'indexed', chunks: 2 })
    expect(events[1]?.data).toMatchObject({ name: 'b', code: 'needs_ocr' })
    expect(events[3]?.data).toEqual({
      id,
      status: 'succeeded',
      progress: { done: 2, total: 2 },
      counts: { succeeded: 1, failed: 1, cancelled: 0 },
    })
  })

  it('are told as they happen', async () => {
    const id = await jobOf('a')
    const response = await world.fetch(
      new Request(`http://127.0.0.1:8787/v1/jobs/${id}/events`, { headers: { authorization: `Bearer ${tenant.key}` } }),
    )
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const until = async (sought: string): Promise<void> => {
      while (!text.includes(sought)) {
        const { done, value } = await reader.read()
        if (done) throw new Error(`the stream ended before ${sought}`)
        text += value
      }
    }
    await until('event: progress')
    expect(eventsOf(text).map(({ data }) => data.status)).toEqual(['queued', 'queued'])
    files.change(id, 1, { status: 'parsing' })
    await until('"parsing"')
    files.change(id, 1, { status: 'indexed' })
    await until('event: done')
    expect((await reader.read()).done).toBe(true)
    const ids = eventsOf(text).map((event) => Number.parseInt(event.id ?? '', 10))
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
  })

  it('go on behind the last one that was seen, and tell who saw the end to stop', async () => {
    const id = await jobOf('a', 'b', 'c')
    for (const number of [1, 2, 3]) files.change(id, number, { status: 'indexed' })
    const events = eventsOf((await watch(id)).text)
    const [first, , , , done] = events
    const rest = eventsOf((await watch(id, { 'last-event-id': first?.id ?? '' })).text)
    expect(rest.map(({ event, data }) => (event === 'file' ? data.name : event))).toEqual([
      'b',
      'c',
      'progress',
      'done',
    ])
    const over = await watch(id, { 'last-event-id': done?.id ?? '' })
    expect({ status: over.status, text: over.text }).toEqual({ status: 204, text: '' })
    files.change(id, 3, failed)
    await post(`/v1/jobs/${id}/retry`)
    files.change(id, 3, { status: 'indexed' })
    for (const wrong of ['x', '-1', '1.5', '9'.repeat(16), '1.done.done']) {
      expect(problemOf(await watch(id, { 'last-event-id': wrong })).status).toBe(400)
    }
  })

  it('of a job of documents are its progress and its end', async () => {
    const put = await world.call('PUT', '/v1/collections/docs/documents', {
      key: tenant.key,
      headers: { prefer: 'respond-async' },
      body: { documents: [{ id: 'x', text: 'The heron.' }] },
    })
    const events = eventsOf((await watch(put.json.job.id as string)).text)
    expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['progress', 'done']))
    expect(events.at(-1)?.data).toMatchObject({ status: 'succeeded', progress: { done: 1, total: 1 } })
  })

  it.each([
    ['other collections', { collections: ['elsewhere'] }],
    ['other addresses', { ipRanges: ['203.0.113.0/24'] }],
    ['other scopes', { scopes: ['search'] }],
    ['a filter', { filter: { team: 'sea' } }],
  ])('end when the key is narrowed to %s, with nothing more said', async (_, change) => {
    const id = await jobOf('a')
    const made = await world.call('POST', '/v1/keys', {
      key: tenant.key,
      body: { name: 'reader', kind: 'secret', scopes: ['documents:read'] },
    })
    const response = await world.fetch(
      new Request(`http://127.0.0.1:8787/v1/jobs/${id}/events`, {
        headers: { authorization: `Bearer ${made.json.secret}`, 'cf-connecting-ip': '198.51.100.7' },
      }),
    )
    const changed = await world.call('PATCH', `/v1/keys/${made.json.id}`, { key: tenant.key, body: change })
    expect(changed.status).toBe(200)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
    files.change(id, 1, { status: 'indexed' })
    const text = await response.text()
    expect(text).not.toContain('event: done')
  })

  it('end when the key is revoked, with nothing more said', async () => {
    const id = await jobOf('a')
    const made = await world.call('POST', '/v1/keys', {
      key: tenant.key,
      body: { name: 'reader', kind: 'secret', scopes: ['documents:read'] },
    })
    const response = await world.fetch(
      new Request(`http://127.0.0.1:8787/v1/jobs/${id}/events`, {
        headers: { authorization: `Bearer ${made.json.secret}` },
      }),
    )
    await world.call('DELETE', `/v1/keys/${made.json.id}`, { key: tenant.key })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
    files.change(id, 1, { status: 'indexed' })
    const text = await response.text()
    expect(text).not.toContain('event: done')
  })
})
