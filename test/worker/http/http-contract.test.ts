/** The HTTP contract beyond who is let in: headers, pages, origins, idempotency, log lines. */
import { describe, expect, it } from 'vitest'
import { ORIGIN, problemOf } from './http-harness.ts'
import type { Answer } from './http-harness.ts'
import { api, collection, put, tenant, world, useTenant } from './tenant-api.ts'

useTenant()

describe('every answer', () => {
  it('carries a request id, forbids sniffing and framing, and is not stored under /v1', async () => {
    for (const path of ['/v1/collections', '/v1/nope', '/healthz', '/docs', '/', '/nope', '/problems/not_found']) {
      const { headers } = await api('GET', path)
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{16}$/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('vary')).toContain('Origin')
      expect(headers.get('cache-control')).toBe(
        ['/', '/docs', '/problems/not_found'].includes(path) ? 'no-cache' : 'no-store',
      )
      expect(headers.has('strict-transport-security')).toBe(false)
    }
  })

  it('is HSTS over https', async () => {
    const response = await world.fetch(new Request('https://search.example/healthz'))
    expect(response.headers.get('strict-transport-security')).toContain('max-age=')
  })

  it('to HEAD is the answer to GET without a body', async () => {
    const got = await api('GET', '/v1/collections')
    const head = await api('HEAD', '/v1/collections')
    expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' })
    expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'))
  })

  it('leaves one log line with ids, route and times, and never the path, the query or a key', async () => {
    await collection('logged')
    world.lines.length = 0
    await api('POST', '/v1/collections/logged/search', { query: 'sesame' })
    await world.call('GET', '/v1/collections/logged?secret=sesame', { key: 'sesame' })
    expect(world.lines).toHaveLength(2)
    const [searched, refused] = world.lines
    expect(searched).toMatchObject({
      event: 'request',
      tenant: tenant.id,
      keyId: tenant.keyId,
      route: '/v1/collections/{collection}/search',
      method: 'POST',
      status: 200,
    })
    expect(Object.keys(searched?.stages ?? {})).toEqual(expect.arrayContaining(['auth', 'embed', 'keyword', 'total']))
    expect(refused).toMatchObject({ status: 401, code: 'unauthorized' })
    expect(JSON.stringify(world.lines)).not.toMatch(/sesame|nf_sk_|logged/)
  })
})

describe('pages', () => {
  it('are health, the OpenAPI document, the reference, problems and the page at /', async () => {
    expect((await world.call('GET', '/healthz')).json).toEqual({ status: 'ok', version: '0.0.0' })
    expect((await world.call('GET', '/openapi.json')).json.openapi).toMatch(/^3\.1/)
    for (const path of ['/', '/console', '/docs', '/problems/shard_full']) {
      const { status, headers } = await world.call('GET', path)
      expect({ path, status }).toEqual({ path, status: 200 })
      expect(headers.get('content-type')).toContain('text/html')
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
    }
  })

  it('are the keys that verify what is signed, for everyone and without a binding call', async () => {
    const before = world.bindingCalls()
    const { status, headers, json } = await world.call('GET', '/.well-known/jwks.json')
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('public, max-age=300')
    expect(json.keys).toEqual([
      {
        kty: 'OKP',
        crv: 'Ed25519',
        use: 'sig',
        alg: 'EdDSA',
        x: expect.stringMatching(/^[\w-]{43}$/),
        kid: expect.stringMatching(/^[\w-]{43}$/),
      },
    ])
    expect(world.bindingCalls()).toBe(before)
  })

  it('are nothing else: assets, unknown problems and other methods are 404', async () => {
    for (const path of [
      '/models/edge-en/x.bin',
      '/cmaps/UniJIS-UCS2-H.bcmap',
      '/console/page.htm',
      '/assets/console/page.htm',
      '/problems/constructor',
    ]) {
      expect(problemOf(await world.call('GET', path)).status).toBe(404)
    }
    expect(problemOf(await world.call('POST', '/healthz', { body: {} })).status).toBe(404)
  })

  it('offer a demo key only to the own machine', async () => {
    expect((await world.call('GET', '/demo.json')).json).toEqual({ publicKey: null, collection: null })
  })
})

describe('bodies', () => {
  it('may be large only where they bring documents', async () => {
    await collection('large')
    const text = 'x'.repeat(1_100_000)
    expect(problemOf(await api('POST', '/v1/collections/large/search', { query: text })).status).toBe(413)
    expect(problemOf(await api('POST', '/v1/collections', { name: text })).status).toBe(413)
    expect((await put('large', [{ id: 'a', text: 'heron', metadata: {} }])).status).toBe(200)
    const documents = Array.from({ length: 100 }, (_, i) => ({
      id: `d${i}`,
      text: 'heron',
      metadata: { x: 'x'.repeat(12_000) },
    }))
    expect((await put('large', documents)).status).toBe(200)
  })

  it('whose sender goes away leave a line without a stack', async () => {
    await collection('lost')
    world.lines.length = 0
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"query": '))
        controller.error(new Error('Network connection lost.'))
      },
    })
    const response = await world.fetch(
      new Request(`${ORIGIN}/v1/collections/lost/search`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' },
        body,
      }),
    )
    expect(response.status).toBe(400)
    expect(world.lines).toMatchObject([{ level: 'info', status: 400, code: 'invalid_request' }])
    expect(world.lines[0]).not.toHaveProperty('stack')
  })
})

describe('origins', () => {
  it('of a public key are named exactly in real answers; others get no CORS header', async () => {
    await collection('shop')
    const key = await world.makeKey(tenant, {
      kind: 'public',
      scopes: ['search'],
      origins: ['https://shop.example', 'https://*.shop.example'],
    })
    const ask = (origin?: string, query = 'x'): Promise<Answer> =>
      world.call('POST', '/v1/collections/shop/search', {
        key,
        body: { query },
        headers: origin === undefined ? {} : { origin },
      })
    for (const origin of ['https://shop.example', 'https://eu.shop.example']) {
      const { status, headers } = await ask(origin)
      expect(status).toBe(200)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-expose-headers')).toContain('X-Request-Id')
    }
    for (const origin of ['https://shop.example.evil.example', 'http://shop.example', 'null', undefined]) {
      const answer = await ask(origin)
      expect(problemOf(answer)).toMatchObject({ status: 403, code: 'origin_forbidden' })
      expect(answer.headers.has('access-control-allow-origin')).toBe(false)
    }
    expect((await ask('https://shop.example', '')).headers.get('access-control-allow-origin')).toBe(
      'https://shop.example',
    )
  })

  it('of the server itself are open to secret keys', async () => {
    expect((await api('GET', '/v1/collections', undefined, { origin: 'http://127.0.0.1:8787' })).status).toBe(200)
  })
})

describe('Nearfield-Tenant', () => {
  it('is for the root key alone', async () => {
    const headers = { 'nearfield-tenant': tenant.id }
    expect(problemOf(await api('GET', '/v1/keys', undefined, headers)).status).toBe(403)
    expect((await world.call('GET', '/v1/keys', { key: world.rootKey, headers })).status).toBe(200)
    expect(problemOf(await world.call('GET', '/v1/keys', { key: world.rootKey })).status).toBe(403)
    const absent = await world.call('GET', '/v1/keys', {
      key: world.rootKey,
      headers: { 'nearfield-tenant': 'nobody' },
    })
    expect(problemOf(absent).status).toBe(404)
  })
})

describe('Idempotency-Key', () => {
  it('replays status and body, and refuses another body', async () => {
    const headers = { 'idempotency-key': 'once' }
    const one = await api('POST', '/v1/collections', { name: 'once' }, headers)
    const two = await api('POST', '/v1/collections', { name: 'once' }, headers)
    expect([one.status, two.status]).toEqual([201, 201])
    expect(two.json).toEqual(one.json)
    expect(two.headers.get('location')).toBe(one.headers.get('location'))
    expect([one.headers.get('idempotent-replayed'), two.headers.get('idempotent-replayed')]).toEqual([null, 'true'])
    expect(problemOf(await api('POST', '/v1/collections', { name: 'other' }, headers))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    })
  })

  it('keeps no answer to a search for who may be anybody, but checks the header all the same', async () => {
    await collection('read')
    const origin = 'https://shop.example'
    const open = await world.makeKey(tenant, { kind: 'public', scopes: ['search'], origins: [origin] })
    const search = (key: string, name: string, query: string) =>
      world.call('POST', '/v1/collections/read/search', {
        key,
        headers: { 'idempotency-key': name, ...(key === open ? { origin } : {}) },
        body: { query },
      })
    for (const query of ['heron', 'otter']) {
      const { status, headers } = await search(open, 'again', query)
      expect([status, headers.get('idempotent-replayed')]).toEqual([200, null])
    }
    expect(problemOf(await search(open, '\u00e4', 'heron')).status).toBe(400)
    await search(tenant.key, 'mine', 'heron')
    expect((await search(tenant.key, 'mine', 'heron')).headers.get('idempotent-replayed')).toBe('true')
    expect(problemOf(await search(tenant.key, 'mine', 'otter')).status).toBe(422)
  })

  it('replays refusals that came from the work itself, with their media type', async () => {
    await collection('taken')
    const headers = { 'idempotency-key': 'clash' }
    const one = await api('POST', '/v1/collections', { name: 'taken' }, headers)
    const two = await api('POST', '/v1/collections', { name: 'taken' }, headers)
    expect([one.status, two.status]).toEqual([409, 409])
    expect(two.headers.get('content-type')).toBe('application/problem+json')
    expect(two.headers.get('idempotent-replayed')).toBe('true')
  })

  it('replays what was answered although the collection is gone, and keeps no 404', async () => {
    await collection('leaving')
    const path = '/v1/collections/leaving'
    const headers = { 'idempotency-key': 'rename' }
    const one = await api('PATCH', path, { name: 'left' }, headers)
    const two = await api('PATCH', path, { name: 'left' }, headers)
    expect([one.status, two.status, two.headers.get('idempotent-replayed')]).toEqual([200, 200, 'true'])
    expect(two.json).toEqual(one.json)
    expect(problemOf(await api('PATCH', path, { name: 'other' }, headers)).status).toBe(404)
    const early = { 'idempotency-key': 'early' }
    expect(problemOf(await api('POST', '/v1/collections/later/search', { query: 'x' }, early)).status).toBe(404)
    await collection('later')
    expect((await api('POST', '/v1/collections/later/search', { query: 'x' }, early)).status).toBe(200)
  })

  it('never shows a secret twice', async () => {
    const call = {
      key: tenant.key,
      body: { name: 'k', kind: 'secret', scopes: ['search'] },
      headers: { 'idempotency-key': 'k' },
    }
    const one = await world.call('POST', '/v1/keys', call)
    const two = await world.call('POST', '/v1/keys', call)
    expect(one.json.secret).toMatch(/^nf_sk_/)
    expect(two.json).toEqual({ ...one.json, secret: undefined, secretShown: false })
    expect('secret' in two.json).toBe(false)
    expect((await world.call('GET', '/v1/keys/self', { key: one.json.secret })).json.id).toBe(two.json.id)
  })

  it('belongs to its tenant, method and path', async () => {
    const other = await world.makeTenant('b')
    const headers = { 'idempotency-key': 'same' }
    const mine = await api('POST', '/v1/collections', { name: 'same' }, headers)
    const theirs = await world.call('POST', '/v1/collections', { key: other.key, body: { name: 'same' }, headers })
    expect(theirs.status).toBe(201)
    expect(theirs.json.id).not.toBe(mine.json.id)
    expect((await put('same', [{ id: 'a', text: 'x' }], headers)).status).toBe(200)
  })

  it('must be printable ASCII of at most 255 characters', async () => {
    for (const key of ['x'.repeat(256), 'a\tb']) {
      expect(problemOf(await api('POST', '/v1/collections', { name: 'idem' }, { 'idempotency-key': key })).status).toBe(
        400,
      )
    }
  })

  it('of a tenant that the root key makes lies with the operator', async () => {
    const call = { key: world.rootKey, body: { name: 'twice' }, headers: { 'idempotency-key': 'tenant' } }
    const one = await world.call('POST', '/v1/tenants', call)
    const two = await world.call('POST', '/v1/tenants', call)
    expect(two.json).toEqual(one.json)
  })
})
