/** Sources on the real objects, with the real egress Worker behind which a web is played, and a real inbox. */
import { abortAllDurableObjects } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { FilesObjects } from '../../../src/files/files-objects.ts'
import { CONTROL } from '../../support/played-web.ts'
import { refusedUrls } from '../../support/ssrf-corpus.ts'
import { makeWorld, problemOf, type Answer, type TestTenant, type World } from '../http/http-harness.ts'

let world: World
let tenant: TestTenant
let host: string
let numbers = 0

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
  host = `s${numbers++}.site.example`
  await call('POST', '/v1/collections', { name: 'docs' })
})

const call = (method: string, path: string, body?: unknown, key = tenant.key): Promise<Answer> =>
  world.call(method, path, { key, ...(body === undefined ? {} : { body }) })

const inDocs = (method: string, path: string, body?: unknown, key?: string): Promise<Answer> =>
  call(method, `/v1/collections/docs/${path}`, body, key)

async function play(pages: Readonly<Record<string, object>>): Promise<void> {
  const body = JSON.stringify(pages)
  await env.EGRESS.deliver({ url: `https://${CONTROL}/${host}`, headers: {}, body, timeoutMs: 10_000 })
}

async function requests(): Promise<{ path: string; headers: Record<string, string> }[]> {
  const url = `https://${CONTROL}/${host}`
  const page = await env.EGRESS.fetchPage({ url, accept: ['application/json'], maxBytes: 1e6, timeoutMs: 10_000 })
  if (!('body' in page)) throw new Error('the played web does not answer')
  return JSON.parse(new TextDecoder().decode(page.body)) as { path: string; headers: Record<string, string> }[]
}

const page = (text: string, links: readonly string[] = []): object => ({
  body: `<html><head><title>${text}</title></head><body><main><p>${text}</p>${links.map((link) => `<a href="${link}">x</a>`).join('')}</main></body></html>`,
})

async function started(answer: Answer): Promise<{ job: string; source: string }> {
  expect(answer.status, answer.text).toBe(202)
  expect(answer.headers.get('location')).toBe(`/v1/jobs/${answer.json.job.id}`)
  return { job: answer.json.job.id, source: answer.json.source.id }
}

async function settled(jobId: string): Promise<Answer['json']> {
  for (;;) {
    const { json, status, text } = await call('GET', `/v1/jobs/${jobId}`)
    expect(status, text).toBe(200)
    if (!['queued', 'running'].includes(json.status)) return json
    await scheduler.wait(50)
  }
}

async function documents(expected: readonly string[]): Promise<void> {
  let ids: string[] = []
  for (let tries = 0; tries < 400; tries++) {
    const { json } = await inDocs('GET', 'documents')
    ids = json.data.map(({ id }: { id: string }) => id).sort()
    if (JSON.stringify(ids) === JSON.stringify([...expected].sort())) return
    await scheduler.wait(50)
  }
  expect(ids).toEqual([...expected].sort())
}

const uid = async (): Promise<TenantUid> =>
  (await env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(tenant.id).first<TenantUid>('uid')) as TenantUid

describe('a crawl', () => {
  it('makes documents of pages, and follows what changes and vanishes', async () => {
    const home = `https://${host}`
    await play({
      '/robots.txt': { type: 'text/plain', body: 'User-agent: *\nDisallow: /private' },
      '/': page('Herons nest by the weir', ['/a', '/b', '/private', '/metadata', '/old', '/missing']),
      '/a': { ...page('Ferries wait in the harbour'), etag: '"a1"' },
      '/b': page('Badgers dig at night'),
      '/private': page('Secrets'),
      '/metadata': { status: 302, location: 'http://169.254.169.254/latest/meta-data' },
      '/old': { status: 301, location: '/b' },
    })
    const { job, source } = await started(await inDocs('POST', 'crawl', { url: home }))
    const ended = await settled(job)
    expect(ended).toMatchObject({ kind: 'crawl', status: 'succeeded', counts: { succeeded: 3, failed: 3 } })
    await documents([`${home}/`, `${home}/a`, `${home}/b`])
    const { json: files } = await call('GET', `/v1/jobs/${job}/files?limit=100`)
    const failed = files.data.filter(({ status }: { status: string }) => status === 'failed')
    expect(
      Object.fromEntries(failed.map((file: Record<string, string>) => [file['name'], [file['code'], file['detail']]])),
    ).toEqual({
      [`${home}/private`]: ['not_fetched', 'robots.txt forbids it'],
      [`${home}/metadata`]: ['not_fetched', 'it redirects to an address that is not one of the public web'],
      [`${home}/missing`]: ['not_fetched', 'it answered 404'],
    })
    const { json: found } = await inDocs('POST', 'search', { query: 'ferries harbour', mode: 'keyword' })
    expect(found.hits[0]).toMatchObject({
      documentId: `${home}/a`,
      url: `${home}/a`,
      title: 'Ferries wait in the harbour',
    })
    const asked = await requests()
    expect(asked.map(({ path }) => path).sort()).toEqual([
      '/',
      '/a',
      '/b',
      '/metadata',
      '/missing',
      '/old',
      '/robots.txt',
    ])
    for (const { headers } of asked) {
      expect(headers['user-agent']).toBe('Nearfield-Crawler')
      for (const name of ['authorization', 'cookie', 'nearfield-tenant']) expect(headers).not.toHaveProperty(name)
    }

    await play({
      '/': page('Herons nest by the weir', ['/a', '/c']),
      '/a': { ...page('Ferries wait in the harbour'), etag: '"a1"' },
      '/c': page('Canals freeze in winter'),
    })
    const again = await started(await inDocs('POST', `sources/${source}/run`))
    expect(again.source).toBe(source)
    await settled(again.job)
    await documents([`${home}/`, `${home}/a`, `${home}/c`])
    expect(
      (await requests()).filter(({ path }) => path === '/a').map(({ headers }) => headers['if-none-match']),
    ).toEqual([undefined, '"a1"'])
    const { json: view } = await inDocs('GET', `sources/${source}`)
    expect(view).toMatchObject({
      id: source,
      collection: 'docs',
      kind: 'crawl',
      url: `${home}/`,
      maxPages: 100,
      run: null,
      lastRun: { job: { id: again.job }, taken: 2, unchanged: 1, removed: 1, gap: null },
    })

    expect((await inDocs('DELETE', `sources/${source}?documents=true`)).status).toBe(204)
    await documents([])
    expect((await inDocs('GET', `sources/${source}`)).status).toBe(404)
    expect((await inDocs('DELETE', `sources/${source}`)).status).toBe(404)
    expect((await inDocs('POST', `sources/${source}/run`)).status).toBe(404)
  })

  it('goes on after its object was killed, and takes every page once', async () => {
    const links = ['/1', '/2', '/3', '/4', '/5']
    await play({
      '/sitemap.xml': {
        type: 'application/xml',
        body: `<urlset>${links.map((link) => `<url><loc>https://${host}${link}</loc></url>`).join('')}</urlset>`,
      },
      ...Object.fromEntries(links.map((link) => [link, page(`Words of ${link}`)])),
    })
    const { job } = await started(
      await inDocs('POST', 'crawl', { sitemap: `https://${host}/sitemap.xml`, respectRobots: false }),
    )
    for (let kill = 0; kill < 3; kill++) {
      await scheduler.wait(300)
      await abortAllDurableObjects()
      await call('GET', `/v1/jobs/${job}/files`).catch(() => undefined)
    }
    expect(await settled(job)).toMatchObject({ status: 'succeeded', counts: { succeeded: 5, failed: 0 } })
    await documents(links.map((link) => `https://${host}${link}`))
  })

  it('is refused where it is malformed or its address is not public, and nobody is asked', async () => {
    const faults: [object, string][] = [
      [{}, ''],
      [{ url: `https://${host}/`, sitemap: `https://${host}/` }, ''],
      [{ url: `https://${host}/`, maxPages: 10_001 }, '/maxPages'],
      [{ url: `https://${host}/`, maxDepth: -1 }, '/maxDepth'],
      [{ url: `https://${host}/`, include: ['docs'] }, '/include/0'],
      [{ url: `https://${host}/`, exclude: Array.from({ length: 51 }, () => '/a') }, '/exclude'],
      [{ url: `https://${host}/`, schedule: '* * * * *' }, '/schedule'],
      [{ url: `https://${host}/`, headers: {} }, ''],
    ]
    for (const [body, pointer] of faults) {
      const { status, code, pointers } = problemOf(await inDocs('POST', 'crawl', body))
      expect({ status, code }, JSON.stringify(body)).toEqual({ status: 400, code: 'invalid_request' })
      if (pointer !== '') expect(pointers).toContain(pointer)
    }
    const urls = refusedUrls(8443)
    expect(urls.length).toBeGreaterThan(200)
    for (const url of urls) {
      for (const body of [{ url }, { sitemap: url }]) {
        expect((await inDocs('POST', 'crawl', body)).status, JSON.stringify(body)).toBe(400)
      }
    }
    expect((await inDocs('GET', 'sources')).json.data).toEqual([])
  })

  it('takes a secret key without a filter that may write', async () => {
    const body = { url: `https://${host}/`, respectRobots: false }
    const filtered = await world.makeKey(tenant, { scopes: ['documents:write'], filter: { team: 'blue' } })
    const reading = await world.makeKey(tenant, { scopes: ['documents:read'] })
    const elsewhere = await world.makeKey(tenant, { scopes: ['documents:write'], collections: ['other'] })
    expect(problemOf(await inDocs('POST', 'crawl', body, filtered)).status).toBe(403)
    expect(problemOf(await inDocs('POST', 'crawl', body, reading)).code).toBe('scope_missing')
    expect(problemOf(await inDocs('POST', 'crawl', body, elsewhere)).status).toBe(404)
    const { source } = await started(await inDocs('POST', 'crawl', body))
    expect((await inDocs('GET', `sources/${source}`, undefined, reading)).status).toBe(200)
    expect((await inDocs('DELETE', `sources/${source}`, undefined, reading)).status).toBe(403)
    const stranger = await world.makeTenant('b')
    await call('POST', '/v1/collections', { name: 'docs' }, stranger.key)
    for (const [method, path] of [
      ['GET', `sources/${source}`],
      ['POST', `sources/${source}/run`],
      ['DELETE', `sources/${source}`],
    ] as const) {
      expect((await inDocs(method, path, undefined, stranger.key)).status).toBe(404)
    }
    // In another collection of the same tenant neither.
    await call('POST', '/v1/collections', { name: 'other' })
    expect((await call('GET', `/v1/collections/other/sources/${source}`)).status).toBe(404)
  })

  it('shows a page under the address where it was fetched, whatever the page says of itself', async () => {
    const liar =
      '<html><head><link rel="canonical" href="https://bank.example/login"></head><body>Herons.</body></html>'
    await play({ '/': { body: liar } })
    await settled((await started(await inDocs('POST', 'crawl', { url: `https://${host}/` }))).job)
    const { json } = await inDocs('GET', `documents/${encodeURIComponent(`https://${host}/`)}`)
    expect(json.url).toBe(`https://${host}/`)
  })

  it('goes with its collection', async () => {
    await play({ '/': page('Herons', ['/a']), '/a': page('Ferries') })
    const { json: collection } = await call('GET', '/v1/collections/docs')
    await started(await inDocs('POST', 'crawl', { url: `https://${host}/`, schedule: '0 3 * * *' }))
    expect((await call('DELETE', '/v1/collections/docs')).status).toBe(204)
    const object = await new FilesObjects(env.FILES).sourcesOf(await uid())
    expect(await object.listSources(collection.id, { limit: 10 })).toEqual([])
  })

  it('lists the sources of a collection page by page', async () => {
    const ids: string[] = []
    for (let i = 0; i < 3; i++) {
      const { source } = await started(await inDocs('POST', 'sources', { kind: 'bucket', prefix: `${i}/` }))
      ids.push(source)
    }
    const first = await inDocs('GET', 'sources?limit=2')
    const rest = await inDocs('GET', `sources?limit=2&cursor=${first.json.nextCursor}`)
    const listed = [...first.json.data, ...rest.json.data].map(({ id }: { id: string }) => id)
    expect(listed).toEqual(ids.sort())
    expect(rest.json.nextCursor).toBeNull()
  })
})

describe('a bucket source', () => {
  it('is refused to keys of some collections, because the inbox is of all', async () => {
    const body = { kind: 'bucket', prefix: 'manuals/' }
    for (const collections of [['docs'], ['*'], ['other']]) {
      const key = await world.makeKey(tenant, { scopes: ['documents:write', 'documents:read'], collections })
      expect(problemOf(await inDocs('POST', 'sources', body, key))).toMatchObject({ status: 403, code: 'forbidden' })
      expect(problemOf(await inDocs('POST', 'sources', { kind: 'sea' }, key)).status).toBe(403)
    }
    expect((await inDocs('GET', 'sources')).json.data).toEqual([])
  })

  it('follows its part of the inbox, and never that of another tenant', async () => {
    const put = (key: string, text: string): Promise<unknown> => env.INBOX.put(key, text)
    await put(`${tenant.id}/manuals/a.md`, '# Aardvarks\n\nThey sleep under granite.')
    await put(`${tenant.id}/manuals/deep/b.txt`, 'Badgers dig at night.')
    await put(`${tenant.id}/other/c.txt`, 'Canals freeze.')
    await put(`${tenant.id}x/manuals/d.txt`, 'Of another tenant.')
    const { job, source } = await started(await inDocs('POST', 'sources', { kind: 'bucket', prefix: 'manuals/' }))
    expect(await settled(job)).toMatchObject({ kind: 'sync', status: 'succeeded', counts: { succeeded: 2, failed: 0 } })
    await documents(['a.md', 'deep/b.txt'])

    await put(`${tenant.id}/manuals/a.md`, '# Aardvarks\n\nThey sleep under slate.')
    await put(`${tenant.id}/manuals/e.txt`, 'Eels wander.')
    await env.INBOX.delete(`${tenant.id}/manuals/deep/b.txt`)
    const again = await started(await inDocs('POST', `sources/${source}/run`))
    expect(await settled(again.job)).toMatchObject({ status: 'succeeded' })
    await documents(['a.md', 'e.txt'])
    const { json } = await inDocs('GET', `sources/${source}`)
    expect(json).toMatchObject({ kind: 'bucket', prefix: 'manuals/', lastRun: { taken: 2, unchanged: 0, removed: 1 } })

    for (const prefix of ['manuals', '/', '../', 'x/'.repeat(300)].filter((text) => text !== '../')) {
      expect((await inDocs('POST', 'sources', { kind: 'bucket', prefix })).status, prefix).toBe(400)
    }
    // Keys are no paths: dots climb nowhere.
    const climbing = await started(await inDocs('POST', 'sources', { kind: 'bucket', prefix: `../${tenant.id}x/` }))
    expect(await settled(climbing.job)).toMatchObject({ status: 'succeeded', progress: { total: 0 } })
    await documents(['a.md', 'e.txt'])
  })
})
