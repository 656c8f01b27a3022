/** Authentication over the real catalogue in D1: how often the database is asked, and when changes hold in every isolate. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { TenantRecord } from '../../../src/catalog/records.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { Authenticator } from '../../../src/tenancy/authenticate.ts'
import { issueKey } from '../../../src/tenancy/issue-key.ts'
import { newKey, parseKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { mintToken } from '../../../src/tenancy/token.ts'

const SEALER = new Sealer('ab'.repeat(32))
let nowMs = 1_800_000_000_000
let statements = 0

/** The binding with every statement counted. */
const counted: D1Database = new Proxy(env.DB, {
  get(target, name) {
    if (name === 'prepare' || name === 'batch' || name === 'exec') statements++
    const value: unknown = Reflect.get(target, name)
    return typeof value === 'function' ? (value.bind(target) as unknown) : value
  },
})
const catalog = new Catalog(env.DB, () => nowMs)
let tenant: TenantRecord

beforeEach(async () => {
  tenant = await catalog.tenants.create({ name: 'acme' })
  statements = 0
})

/** A Worker in another isolate: its own memory, the same database. */
function isolate(): (text: string) => Promise<string> {
  const keys = new Catalog(counted, () => nowMs).keys
  const authenticator = new Authenticator({ keys, sealer: SEALER, rootKeyHashes: [], clock: () => nowMs })
  return (text) =>
    authenticator.authenticate(new Headers({ authorization: `Bearer ${text}` })).then(
      ({ tenant: owner }) => (owner?.suspended === true ? 'suspended' : 'fine'),
      (error: unknown) => asProblem(error)?.code ?? String(error),
    )
}

async function makeKey(): Promise<{ id: string; text: string }> {
  const issued = await issueKey(SEALER, 'secret')
  const record = { tenantUid: tenant.uid, name: 'k', kind: 'secret', scopes: ['search'], createdBy: 'root' } as const
  await catalog.keys.create(record, issued)
  return issued.key
}

async function rotate(id: string): Promise<unknown> {
  return catalog.keys.rotate(tenant.uid, await issueKey(SEALER, 'secret', id), { operationId: 'op', graceMs: 0 })
}

describe('the database', () => {
  it('is asked nothing for malformed credentials, once for a burst, once for an unknown id', async () => {
    const ask = isolate()
    const { text } = await makeKey()
    for (const bad of ['', 'x', text.slice(1), `${text}0`]) expect(await ask(bad)).toBe('unauthorized')
    expect(statements).toBe(0)
    const burst = await Promise.all(Array.from({ length: 100 }, () => ask(text)))
    expect(new Set(burst)).toEqual(new Set(['fine']))
    expect(statements).toBe(1)
    const unknown = newKey('secret').text
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(unknown)))
    expect(new Set(answers)).toEqual(new Set(['unauthorized']))
    expect(statements).toBe(2)
  })

  it('is asked once for 1,000 requests with a key or its tokens within 5 s', async () => {
    const ask = isolate()
    const key = parseKey((await makeKey()).text)!
    const iat = nowMs / 1000
    const token = await mintToken(await tokenSigningKey(key), key.id, { iat, exp: iat + 60, scopes: ['search'] })
    statements = 0
    for (let i = 0; i < 1_000; i++) {
      expect(await ask(i % 2 === 0 ? key.text : token)).toBe('fine')
      nowMs += i % 250 === 0 ? 1_000 : 0
    }
    expect(statements).toBe(1)
    nowMs = iat * 1000
  })
})

describe('in every isolate', () => {
  it.each<[string, (id: string) => Promise<unknown>, string]>([
    ['a revocation', (id) => catalog.keys.revoke(tenant.uid, id), 'unauthorized'],
    ['a suspension', () => catalog.tenants.update(tenant.id, { suspended: true }), 'suspended'],
    ['a deletion of the tenant', () => catalog.tenants.startErasure(tenant.id), 'unauthorized'],
    ['a rotation', async (id) => rotate(id), 'unauthorized'],
    ['an earlier end', (id) => catalog.keys.update(tenant.uid, id, { expiresAtMs: nowMs }), 'unauthorized'],
  ])('%s holds within 10 s under steady requests', async (_, change, expected) => {
    const isolates = [isolate(), isolate(), isolate()]
    const { id, text } = await makeKey()
    for (const ask of isolates) {
      expect(await ask(text)).toBe('fine')
      nowMs += 1_700
    }
    await change(id)
    const changedAtMs = nowMs
    for (; nowMs < changedAtMs + 10_000; nowMs += 500) await Promise.all(isolates.map((ask) => ask(text)))
    expect(await Promise.all(isolates.map((ask) => ask(text)))).toEqual([expected, expected, expected])
  })
})
