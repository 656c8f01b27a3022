/** The audit log over HTTP: which requests leave which lines, who reads them, and that outsiders can verify them. */
import { env } from 'cloudflare:workers'
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { compactVerify, createLocalJWKSet } from 'jose'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { hex, sha256, utf8 } from '../../../src/core/bytes.ts'
import { canonicalJson } from '../../../src/core/canonical-json.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { ROUTES } from '../../../src/http/routes.ts'
import type { TenantObject } from '../../../src/tenancy/tenant-object.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'
import { makeWorld, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

interface Line {
  readonly sequence: number
  readonly at: string
  readonly action: string
  readonly outcome: string
  readonly requestId?: string
  readonly code?: string
  readonly digest?: string
  readonly subject?: { readonly type: string; readonly id: string }
  readonly previousHash: string
  readonly hash: string
}

let world: World
let tenant: TestTenant

beforeAll(async () => {
  world = await makeWorld()
})

beforeEach(async () => {
  tenant = await world.makeTenant()
})

const asTenant = (): { key: string } => ({ key: tenant.key })
const asRoot = (acting?: TestTenant): { key: string; headers: Record<string, string> } => ({
  key: world.rootKey,
  headers: acting === undefined ? {} : { 'nearfield-tenant': acting.id },
})

async function linesOf(by: { key: string; headers?: Record<string, string> }, query = ''): Promise<Line[]> {
  const { status, json } = await world.call('GET', `/v1/audit?limit=1000${query}`, by)
  expect(status).toBe(200)
  return json.data
}

const lineOf = async (
  answer: Answer,
  by: { key: string; headers?: Record<string, string> },
): Promise<Line | undefined> =>
  (await linesOf(by)).find(({ requestId }) => requestId === answer.headers.get('x-request-id'))

async function objectOf(id: string): Promise<DurableObjectStub<TenantObject>> {
  const row = await env.DB.prepare('SELECT uid FROM tenants WHERE id = ?').bind(id).first<{ uid: TenantUid }>()
  if (row === null) throw new Error('no such tenant')
  return new TenantObjects(env.TENANT).of(row.uid)
}

describe('every action of the control plane', () => {
  const audited = ROUTES.filter((route) => route.audit !== undefined)
  const cases = audited.map((route) => ({ route, name: `${route.method.toUpperCase()} ${route.path}` }))

  it.each(cases)('leaves its line: $name', async ({ route }) => {
    const collection = await world.call('POST', '/v1/collections', { ...asTenant(), body: { name: 'things' } })
    const spare = (await world.makeKey(tenant, { scopes: ['search'] })).slice(6, 22)
    const made = { 'collections/collection': 'things', 'keys/id': spare, 'tenants/id': tenant.id }
    const hook = ROUTES.find(({ method, path }) => method === 'post' && path === '/v1/webhooks')
    const hooked = hook && (await world.call('POST', hook.path, { ...asTenant(), body: hook.body?.example }))
    const ids: Record<string, string> = { ...made, 'webhooks/id': hooked?.json.id ?? '' }
    const path = route.path.replaceAll(
      /([a-z]+)\/\{([^}]+)\}/g,
      (_, before: string, name: string) => `${before}/${ids[`${before}/${name}`]}`,
    )
    const isRoots = route.access.kind === 'root'
    const example = route.body?.example
    // What comes as a file has no example: word vectors, under a name.
    const isFile = route.upload !== undefined
    const body = isFile ? 'owl 1 0\nfox 0 1\nelk 1 1\n' : example
    const asked = isFile ? '?id=imported' : ''
    const answer = await world.call(route.method.toUpperCase(), path + asked, {
      ...(isRoots ? asRoot() : asTenant()),
      body,
    })
    expect(answer.status, answer.text).toBeLessThan(500)
    const line = await lineOf(answer, isRoots ? asRoot() : asTenant())
    const { status } = answer
    expect(line).toMatchObject({
      action: route.audit?.action,
      outcome: status < 400 ? 'done' : 'refused',
      actor: { kind: isRoots ? 'root' : 'secret', keyId: (isRoots ? world.rootKey : tenant.key).slice(6, 22) },
      ...(status < 400 ? {} : { code: answer.json.code }),
    })
    if (example !== undefined) expect(line?.digest).toBe(hex(await sha256(utf8(JSON.stringify(body)))))
    if (line?.subject?.type === 'collection') expect([collection.json.id, answer.json?.id]).toContain(line.subject.id)
    // Of a tenant that is named, its own chain tells, too, unless it went with the tenant.
    if (route.path.startsWith('/v1/tenants/{id}') && route.method !== 'delete') {
      expect(await lineOf(answer, asRoot(tenant))).toMatchObject({
        action: route.audit?.action,
        actor: { kind: 'root' },
      })
    }
  })

  it("by the root key for a tenant stands in both chains, and no other tenant's", async () => {
    const other = await world.makeTenant('other')
    const answer = await world.call('POST', '/v1/keys', {
      ...asRoot(tenant),
      body: { name: 'k', kind: 'secret', scopes: ['search'] },
    })
    const expected = { action: 'key.create', actor: { kind: 'root' }, subject: { type: 'key', id: answer.json.id } }
    expect(await lineOf(answer, asRoot())).toMatchObject(expected)
    expect(await lineOf(answer, asTenant())).toMatchObject(expected)
    expect(await lineOf(answer, { key: other.key })).toBeUndefined()
  })

  it('is told once, however often its answer is replayed', async () => {
    const call = { ...asTenant(), headers: { 'idempotency-key': 'once' }, body: { name: 'docs' } }
    const before = (await linesOf(asTenant())).length
    const first = await world.call('POST', '/v1/collections', call)
    const second = await world.call('POST', '/v1/collections', call)
    expect([first.status, second.status, second.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true'])
    expect(await linesOf(asTenant())).toHaveLength(before + 1)
    expect(await lineOf(first, asTenant())).toMatchObject({ outcome: 'done', subject: { id: first.json.id } })
  })

  it('that was refused leaves one line, whether or not it has an idempotency key', async () => {
    for (const headers of [{}, { 'idempotency-key': 'again' }] as Record<string, string>[]) {
      const call = { ...asTenant(), headers, body: { name: 'same' } }
      await world.call('POST', '/v1/collections', { ...asTenant(), body: { name: 'same' } })
      const before = (await linesOf(asTenant())).length
      const answer = await world.call('POST', '/v1/collections', call)
      expect(answer.status).toBe(409)
      expect(await linesOf(asTenant())).toHaveLength(before + 1)
      expect(await lineOf(answer, asTenant())).toMatchObject({ outcome: 'refused', code: 'conflict' })
    }
  })

  it('leaves no text that a caller wrote, and no secret', async () => {
    const canary = 'canary-7d1f'
    const made = await world.call('POST', '/v1/keys', {
      ...asTenant(),
      body: {
        name: `${canary} name`,
        kind: 'secret',
        scopes: ['search'],
        filter: { [canary]: canary },
        collections: [canary],
      },
    })
    await world.call('PATCH', `/v1/keys/${made.json.id}`, { ...asTenant(), body: { name: canary } })
    await world.call('DELETE', `/v1/keys/${canary}`, asTenant())
    await world.call('POST', '/v1/collections', { ...asTenant(), body: { name: canary } })
    await world.call('PATCH', `/v1/collections/${canary}`, { ...asTenant(), body: { settings: { bm25: { k1: 1 } } } })
    await world.call('DELETE', `/v1/collections/${canary}`, asTenant())
    await world.call('POST', '/v1/tokens', {
      ...asTenant(),
      body: { ttlSeconds: 60, scopes: ['search'], sub: canary, principals: [canary] },
    })
    const lines = await linesOf(asTenant())
    const actions = new Set(lines.map(({ action }) => action))
    for (const action of ['key.update', 'key.revoke', 'collection.update', 'collection.delete', 'token.create']) {
      expect(actions).toContain(action)
    }
    expect(JSON.stringify(lines)).not.toContain(canary)
    expect(JSON.stringify(lines)).not.toMatch(/nf_[a-z]k_/)
  })

  it("that erases a tenant leaves the digest of its chain's head with the operator", async () => {
    const { json } = await world.call('GET', '/v1/audit/verify', asTenant())
    const answer = await world.call('DELETE', `/v1/tenants/${tenant.id}`, asRoot())
    expect(answer.status).toBe(200)
    expect(await lineOf(answer, asRoot())).toMatchObject({
      action: 'tenant.erase',
      outcome: 'done',
      subject: { type: 'tenant', id: tenant.id },
      digest: json.head.hash,
    })
    const again = await world.call('DELETE', `/v1/tenants/${tenant.id}`, asRoot())
    expect(await lineOf(again, asRoot())).toMatchObject({ outcome: 'refused', code: 'not_found' })
  })
})

describe('refusals', () => {
  it('of a right secret leave a line: revoked, without the scope, of another kind', async () => {
    const secret = await world.makeKey(tenant, { scopes: ['search'] })
    const keyId = secret.slice(6, 22)
    expect((await world.call('GET', '/v1/keys', { key: secret })).status).toBe(403)
    expect((await world.call('POST', '/v1/tenants', { key: secret, body: { name: 'x' } })).status).toBe(403)
    expect(
      (await world.call('GET', '/v1/keys/self', { key: secret, headers: { 'nearfield-tenant': 'x' } })).status,
    ).toBe(403)
    await world.call('DELETE', `/v1/keys/${keyId}`, asTenant())
    for (let i = 0; i < 3; i++) expect((await world.call('GET', '/v1/keys/self', { key: secret })).status).toBe(401)
    await vi.waitFor(async () => {
      const lines = await linesOf(asTenant(), '&action=request.refused')
      expect(new Set(lines.map((line) => ({ ...line }).code))).toEqual(
        new Set(['scope_missing', 'forbidden', 'unauthorized']),
      )
      expect(lines.filter(({ code }) => code === 'unauthorized')).toMatchObject([
        { outcome: 'refused', reason: 'revoked', actor: { kind: 'secret', keyId } },
      ])
    })
  })

  it("of the root key stand in the operator's chain", async () => {
    const answer = await world.call('POST', '/v1/collections/x/search', { ...asRoot(), body: { query: 'x' } })
    expect(answer.status).toBe(403)
    await vi.waitFor(async () => {
      const lines = await linesOf(asRoot(), '&action=request.refused')
      expect(lines[0]).toMatchObject({ code: 'forbidden', actor: { kind: 'root' } })
    })
  })

  it('of a wrong secret leave nothing', async () => {
    const before = await linesOf(asTenant())
    const wrong = `${tenant.key.slice(0, -1)}${tenant.key.endsWith('A') ? 'B' : 'A'}`
    expect((await world.call('GET', '/v1/keys', { key: wrong })).status).toBe(401)
    expect(await linesOf(asTenant())).toEqual(before)
  })
})

describe('GET /v1/audit', () => {
  it('is newest first, in pages that meet, between times, by action', async () => {
    for (const name of ['a', 'b', 'c']) await world.call('POST', '/v1/collections', { ...asTenant(), body: { name } })
    const all = await linesOf(asTenant())
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => all.length - i))
    const paged: Line[] = []
    let cursor = ''
    do {
      const { json } = await world.call('GET', `/v1/audit?limit=2${cursor}`, asTenant())
      paged.push(...json.data)
      cursor = json.nextCursor === null ? '' : `&cursor=${json.nextCursor}`
    } while (cursor !== '')
    expect(paged).toEqual(all)
    expect(await linesOf(asTenant(), '&action=collection.create')).toEqual(all.slice(0, 3))
    const [newest] = all
    expect(await linesOf(asTenant(), `&to=${newest?.at}`)).toEqual(all.filter(({ at }) => at < (newest?.at ?? '')))
    expect(await linesOf(asTenant(), `&from=${newest?.at}`)).toEqual(all.filter(({ at }) => at === newest?.at))
    expect(await linesOf(asTenant(), '&from=2999-01-01T00:00:00Z')).toEqual([])
  })

  it('takes no cursor of another list, and names what is malformed', async () => {
    await world.call('POST', '/v1/collections', { ...asTenant(), body: { name: 'a' } })
    const { json } = await world.call('GET', '/v1/audit?limit=1', asTenant())
    const cursor = `cursor=${json.nextCursor}`
    const other = await world.makeTenant('other')
    for (const [query, by] of [
      [cursor, { key: other.key }],
      [cursor, asRoot()],
      [`${cursor}&action=key.create`, asTenant()],
      [`${cursor}&from=2026-01-01T00:00:00Z`, asTenant()],
    ] as const) {
      expect(problemOf(await world.call('GET', `/v1/audit?${query}`, by)).pointers).toEqual(['/cursor'])
    }
    for (const [query, pointer] of [
      ['from=yesterday', '/from'],
      ['to=2026-13-01T00:00:00Z', '/to'],
      ['action=Robert%27);', '/action'],
      ['limit=0', '/limit'],
    ]) {
      expect(problemOf(await world.call('GET', `/v1/audit?${query}`, asTenant()))).toMatchObject({
        status: 400,
        pointers: [pointer],
      })
    }
  })

  it('shows each tenant its own chain, and the operator the operator’s', async () => {
    const other = await world.makeTenant('other')
    const own = await linesOf(asTenant())
    expect(own).toEqual(await linesOf(asRoot(tenant)))
    const hashes = new Set(own.map(({ hash }) => hash))
    for (const by of [{ key: other.key }, asRoot()]) {
      expect((await linesOf(by)).filter(({ hash }) => hashes.has(hash))).toEqual([])
    }
    const nobody = await world.call('GET', '/v1/audit', {
      key: world.rootKey,
      headers: { 'nearfield-tenant': 'nobody' },
    })
    expect(problemOf(nobody).status).toBe(404)
  })
})

describe('GET /v1/audit/verify', () => {
  it('says that a chain is whole, and where it no longer is', async () => {
    for (const name of ['a', 'b', 'c']) await world.call('POST', '/v1/collections', { ...asTenant(), body: { name } })
    const [newest] = await linesOf(asTenant())
    const verify = async (): Promise<unknown> => (await world.call('GET', '/v1/audit/verify', asTenant())).json
    const whole = {
      valid: true,
      chain: (await objectOf(tenant.id)).id.toString(),
      entries: newest?.sequence,
      head: { sequence: newest?.sequence, hash: newest?.hash },
      firstBroken: null,
      signedHeads: { count: 0, valid: 0, latest: null },
    }
    expect(await verify()).toEqual(whole)
    expect((await world.call('GET', '/v1/audit/verify', asRoot())).json).toMatchObject({ valid: true })

    await runInDurableObject(await objectOf(tenant.id), (_, state) => {
      state.storage.sql.exec("UPDATE audit_lines SET outcome = 'refused' WHERE sequence = 2")
    })
    expect(await verify()).toEqual({ ...whole, valid: false, firstBroken: 2 })
  })

  it('hands out a signed head that an outsider verifies with the published keys and the listed lines', async () => {
    await world.call('POST', '/v1/collections', { ...asTenant(), body: { name: 'a' } })
    const object = await objectOf(tenant.id)
    vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
    try {
      expect(await runDurableObjectAlarm(object)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
    const { json: verdict } = await world.call('GET', '/v1/audit/verify', asTenant())
    expect(verdict).toMatchObject({ valid: true, signedHeads: { count: 1, valid: 1 } })

    const keys = (await world.call('GET', '/.well-known/jwks.json')).json
    const { payload, protectedHeader } = await compactVerify(verdict.signedHeads.latest, createLocalJWKSet(keys))
    const head = JSON.parse(new TextDecoder().decode(payload))
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'nearfield-audit-head+jws' })
    const lines = (await linesOf(asTenant())).reverse()
    expect(head).toMatchObject({ chain: verdict.chain, sequence: lines.length, hash: lines.at(-1)?.hash })
    let previous = '0'.repeat(64)
    for (const { previousHash, hash, ...rest } of lines) {
      expect(previousHash).toBe(previous)
      expect(hex(await sha256(utf8(previousHash + canonicalJson(rest))))).toBe(hash)
      previous = hash
    }
  })
})

it('an action whose Worker died becomes a line of unknown outcome', async () => {
  const object = await objectOf(tenant.id)
  const actor = { kind: 'secret', keyId: tenant.keyId } as const
  await object.beginAudit({ requestId: 'req_dead', actor, action: 'key.revoke' })
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
  try {
    expect(await runDurableObjectAlarm(object)).toBe(true)
  } finally {
    vi.useRealTimers()
  }
  expect(await linesOf(asTenant(), '&action=key.revoke')).toMatchObject([{ outcome: 'unknown', requestId: 'req_dead' }])
})
