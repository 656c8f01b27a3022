/** Tokens over HTTP inside workerd: minted once, used by an end user, and bounded by the key wherever they go. */
import { beforeAll, describe, expect, it } from 'vitest'
import { hex, sha256, utf8 } from '../../../src/core/bytes.ts'
import { canonicalJson } from '../../../src/core/canonical-json.ts'
import { parseKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { mintToken, readToken, type TokenClaims } from '../../../src/tenancy/token.ts'
import { makeWorld, problemOf, type Answer, type TestTenant, type World } from './http-harness.ts'

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
  tenant = await world.makeTenant()
  for (const name of ['guide', 'staff']) {
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name } })
    await world.call('PUT', `/v1/collections/${name}/documents`, {
      key: tenant.key,
      body: {
        documents: [
          { id: 'open', text: 'The ferry leaves at six.', metadata: { team: 'a' } },
          { id: 'alice', text: 'The ferry of Alice leaves at seven.', metadata: { team: 'a' }, acl: ['user:alice'] },
          { id: 'other', text: 'The ferry of others leaves at eight.', metadata: { team: 'b' } },
        ],
      },
    })
  }
})

const ask = (body: unknown, key = tenant.key, headers = {}): Promise<Answer> =>
  world.call('POST', '/v1/tokens', { key, body, headers })

async function tokenFor(more: object = {}, key = tenant.key): Promise<string> {
  const { status, json, text } = await ask({ ttlSeconds: 300, scopes: ['search'], ...more }, key)
  if (status !== 201) throw new Error(text)
  return json.token as string
}

async function offline(more: Partial<TokenClaims>, key = tenant.key): Promise<string> {
  const parsed = parseKey(key)!
  const iat = Math.floor(Date.now() / 1000)
  return mintToken(await tokenSigningKey(parsed), parsed.id, { iat, exp: iat + 60, scopes: ['search'], ...more })
}

const search = (token: string, body: object = {}, headers = {}): Promise<Answer> =>
  world.call('POST', '/v1/collections/guide/search', { key: token, body: { query: 'ferry', ...body }, headers })

const idsOf = ({ json }: Answer): string[] => json.hits.map((hit: { documentId: string }) => hit.documentId).sort()

describe('POST /v1/tokens', () => {
  it('answers a token of the key that says what was asked for', async () => {
    const { status, json } = await ask({ ttlSeconds: 300, scopes: ['search'], sub: 'user:alice', principals: ['p'] })
    expect(status).toBe(201)
    const { keyId, claims } = readToken(json.token)!
    expect(keyId).toBe(tenant.keyId)
    expect(claims).toEqual({
      iat: claims.iat,
      exp: claims.iat + 300,
      scopes: ['search'],
      sub: 'user:alice',
      principals: ['p'],
    })
    expect(Date.parse(json.expiresAt)).toBe(claims.exp * 1000)
  })

  it('shows it once: a replay tells only when it expires', async () => {
    const headers = { 'idempotency-key': 'token-1' }
    const body = { ttlSeconds: 300, scopes: ['search'] }
    const first = await ask(body, tenant.key, headers)
    const again = await ask(body, tenant.key, headers)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect([again.status, again.json]).toEqual([201, { expiresAt: first.json.expiresAt, secretShown: false }])
  })

  it('is for secret keys, and never wider than they are', async () => {
    const narrow = await world.makeKey(tenant, { scopes: ['search'], collections: ['guide'] })
    expect(problemOf(await ask({ ttlSeconds: 60, scopes: ['answer'] }, narrow)).status).toBe(403)
    expect(problemOf(await ask({ ttlSeconds: 60, scopes: ['search'], collections: ['*'] }, narrow)).status).toBe(403)
    expect(problemOf(await ask({ ttlSeconds: 60, scopes: ['search'] }, await tokenFor())).status).toBe(403)
    expect(problemOf(await ask({ ttlSeconds: 60, scopes: ['search'] }, world.rootKey)).status).toBe(403)
    const website = await world.makeKey(tenant, {
      kind: 'public',
      scopes: ['search'],
      origins: ['https://shop.example'],
    })
    const asPublic = await ask({ ttlSeconds: 60, scopes: ['search'] }, website, { origin: 'https://shop.example' })
    expect(problemOf(asPublic).status).toBe(403)
    expect(problemOf(await ask({ ttlSeconds: 0, scopes: ['admin'], aud: 'x' })).pointers).toEqual([
      '/aud',
      '/ttlSeconds',
      '/scopes/0',
    ])
  })
})

describe('the bearer of a token', () => {
  it('sees what has no acl and what names one of the principals, within the filter', async () => {
    expect(idsOf(await search(await tokenFor()))).toEqual(['open', 'other'])
    expect(idsOf(await search(await tokenFor({ principals: ['user:alice'] })))).toEqual(['alice', 'open', 'other'])
    const alice = await tokenFor({ principals: ['user:alice'], filter: { team: 'a' } })
    expect(idsOf(await search(alice))).toEqual(['alice', 'open'])
    expect(idsOf(await search(tenant.key))).toEqual(['alice', 'open', 'other'])
  })

  it('is not held to the caps of public keys, and is shown no scores', async () => {
    const { status, json } = await search(await tokenFor(), { limit: 1_000 })
    expect([status, json.hits.some((hit: object) => 'scores' in hit)]).toEqual([200, false])
    for (const field of [{ explain: true }, { exact: true }, { vector: [1, 2, 3, 4] }]) {
      const refused = problemOf(await search(await tokenFor(), field))
      expect([refused.status, refused.pointers]).toEqual([403, [`/${Object.keys(field)[0]}`]])
    }
  })

  it('reaches the collections of its own list, and lists no others', async () => {
    const token = await tokenFor({ collections: ['guide'] })
    const listed = await world.call('GET', '/v1/collections', { key: token })
    expect(listed.json.data.map(({ name }: { name: string }) => name)).toEqual(['guide'])
    const hidden = await world.call('POST', '/v1/collections/staff/search', { key: token, body: { query: 'ferry' } })
    const absent = await world.call('POST', '/v1/collections/nothing/search', { key: token, body: { query: 'ferry' } })
    expect(problemOf(hidden)).toEqual(problemOf(absent))
    expect(problemOf(hidden)).toEqual({ status: 404, code: 'not_found', pointers: [] })
  })

  it('reads and writes documents, but no acl and no vectors', async () => {
    const token = await tokenFor({ scopes: ['documents:read', 'documents:write'], principals: ['user:alice'] })
    const document = '/v1/collections/guide/documents/alice'
    const seen = await world.call('GET', document, { key: token })
    expect([seen.status, 'acl' in seen.json]).toEqual([200, false])
    expect((await world.call('GET', document, { key: tenant.key })).json.acl).toEqual(['user:alice'])
    expect(problemOf(await world.call('GET', `${document}?include=vectors`, { key: token })).status).toBe(403)
    const put = (fields: object): Promise<Answer> =>
      world.call('PUT', '/v1/collections/guide/documents', {
        key: token,
        body: { documents: [{ text: 'x', ...fields }] },
      })
    expect(problemOf(await put({ id: 'mine', acl: ['user:alice'] }))).toMatchObject({
      status: 403,
      pointers: ['/documents/0/acl'],
    })
    expect((await put({ id: 'mine' })).json.results).toMatchObject([{ status: 'created' }])
    expect((await put({ id: 'alice' })).json.results).toMatchObject([
      { status: 'failed', error: { code: 'outside_filter' } },
    ])
    const patched = await world.call('PATCH', document, { key: token, body: { title: 'Seven' } })
    expect([patched.status, 'acl' in patched.json]).toEqual([200, false])
    expect(problemOf(await world.call('PATCH', document, { key: token, body: { acl: null } })).status).toBe(403)
    const kept = await world.call('GET', document, { key: tenant.key })
    expect(kept.json).toMatchObject({ title: 'Seven', acl: ['user:alice'] })
  })

  it('cannot try out who else a document is for: what it is shown of a version is under a key of the server', async () => {
    const path = '/v1/collections/staff/documents/board'
    const acl = ['user:alice', 'group:board']
    const metadata = { n: 1 }
    const body = { documents: [{ id: 'board', text: 'The board meets at nine.', metadata, acl }] }
    await world.call('PUT', '/v1/collections/staff/documents', { key: tenant.key, body })
    const key = await tokenFor({ scopes: ['documents:read', 'documents:write'], principals: ['user:alice'] })
    const read = (reader: string, headers = {}) => world.call('GET', path, { key: reader, headers })
    const [own, theirs] = [await read(tenant.key), await read(key)]
    // All but the acl is known to the reader, and how the hash is made is public.
    const source = { id: 'board', language: 'auto', metadata, acl, format: 'text', text: 'The board meets at nine.' }
    const guess = canonicalJson({ ...source, profileId: 'edge-en', dimensions: 384, vectorKey: null })
    const hash = hex(await sha256(utf8(guess)))
    const tell = ({ json, headers }: Answer) => json.contentHash + headers.get('etag')
    expect(tell(own)).toContain(hash)
    expect(tell(theirs)).toMatch(/^[0-9a-f]{64}"[0-9a-f]{24}"$/)
    expect(tell(theirs)).not.toContain(hash.slice(0, 12))
    expect(tell(await read(key))).toBe(tell(theirs))
    const listed = await world.call('GET', '/v1/collections/staff/documents', { key })
    const hashes = new Map(
      listed.json.data.map((each: { id: string; contentHash: string }) => [each.id, each.contentHash]),
    )
    expect(hashes.get('board')).toBe(theirs.json.contentHash)
    expect(hashes.get('open')).toBe(
      (await world.call('GET', '/v1/collections/staff/documents/open', { key: tenant.key })).json.contentHash,
    )
    // The tag that it is shown is as good to it as any.
    const tag = theirs.headers.get('etag') ?? ''
    const stale = { 'if-match': own.headers.get('etag') ?? '' }
    expect((await read(key, { 'if-none-match': tag })).status).toBe(304)
    const patch = (headers: Record<string, string>) =>
      world.call('PATCH', path, { key, headers, body: { metadata: { n: 2 } } })
    expect(problemOf(await patch(stale)).status).toBe(412)
    const patched = await patch({ 'if-match': tag })
    expect([patched.status, patched.headers.get('etag') === tag]).toEqual([200, false])
    const remove = (headers: Record<string, string>) => world.call('DELETE', path, { key, headers })
    expect(problemOf(await remove({ 'if-match': tag })).status).toBe(412)
    expect((await remove({ 'if-match': patched.headers.get('etag') ?? '' })).status).toBe(204)
    expect(problemOf(await remove({ 'if-match': '*' })).status).toBe(404)
  })

  it('reaches no jobs, no keys, and not the key behind it', async () => {
    const token = await tokenFor({ scopes: ['documents:read', 'documents:write'] })
    for (const path of [
      '/v1/jobs',
      '/v1/jobs/job_0000000000000000',
      '/v1/keys',
      '/v1/keys/self',
      `/v1/keys/${tenant.keyId}`,
    ]) {
      expect(problemOf(await world.call('GET', path, { key: token })).status, path).toBe(403)
    }
  })

  it('may come from any site, or from those that the token names', async () => {
    const origin = 'https://shop.example'
    const anywhere = await search(await tokenFor(), {}, { origin })
    expect([anywhere.status, anywhere.headers.get('access-control-allow-origin')]).toEqual([200, origin])
    const bound = await tokenFor({ origins: [origin] })
    expect((await search(bound, {}, { origin })).status).toBe(200)
    for (const headers of [{}, { origin: 'https://evil.example' }]) {
      const refused = await search(bound, {}, headers)
      expect([problemOf(refused).code, refused.headers.get('access-control-allow-origin')]).toEqual([
        'origin_forbidden',
        null,
      ])
    }
  })

  it('has no right that the key has lost, and none at all once the key is revoked', async () => {
    const key = await world.makeKey(tenant, { scopes: ['search', 'documents:read'] })
    const token = await offline({ scopes: ['search', 'documents:read'] }, key)
    expect((await search(token)).status).toBe(200)
    const path = `/v1/keys/${key.slice(6, 22)}`
    await world.call('PATCH', path, { key: tenant.key, body: { scopes: ['documents:read'] } })
    expect(problemOf(await search(token)).code).toBe('scope_missing')
    await world.call('DELETE', path, { key: tenant.key })
    expect(problemOf(await search(token)).code).toBe('unauthorized')
  })

  it('is nobody when the signature is not of the key', async () => {
    const other = await world.makeTenant('b')
    const theirs = await offline({}, other.key)
    const [header] = (await offline({})).split('.')
    expect(problemOf(await search([header, ...theirs.split('.').slice(1)].join('.'))).code).toBe('unauthorized')
    expect(problemOf(await search(theirs)).code).toBe('not_found')
  })
})

describe('a public key', () => {
  it('sees no document that has an acl', async () => {
    const origin = 'https://shop.example'
    const key = await world.makeKey(tenant, { kind: 'public', scopes: ['search', 'documents:read'], origins: [origin] })
    expect(idsOf(await search(key, {}, { origin }))).not.toContain('alice')
    const path = '/v1/collections/guide/documents'
    const read = await world.call('GET', `${path}/alice`, { key, headers: { origin } })
    expect(problemOf(read).code).toBe('not_found')
    const { json } = await world.call('GET', path, { key, headers: { origin } })
    expect(json.data.map(({ id }: { id: string }) => id)).not.toContain('alice')
  })
})
