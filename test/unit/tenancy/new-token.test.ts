/** Tokens that Nearfield mints: what may be asked for, what they then say, and whose signature they carry. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem, type Problem } from '../../../src/core/problem.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { newKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import type { KeyRecord } from '../../../src/tenancy/key-store.ts'
import { claimsOf, parseTokenRequest, signToken } from '../../../src/tenancy/new-token.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'
import { hasValidSignature, isTimely, readToken } from '../../../src/tenancy/token.ts'

const NOW = 1_800_000_000_250
const KEY = newKey('secret')
const SECRET: Principal = {
  kind: 'secret',
  keyId: KEY.id,
  tenant: { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} },
  scopes: new Set(['search', 'documents:read', 'admin']),
}
const headers = (authorization: string): Headers => new Headers({ authorization })

async function refusal(work: () => unknown): Promise<Problem> {
  try {
    await work()
  } catch (error) {
    const problem = asProblem(error)
    if (problem !== undefined) return problem
    throw error
  }
  throw new Error('was accepted')
}

describe('a request for a token', () => {
  it.each<[body: unknown, ...pointers: string[]]>([
    [[], ''],
    [{}, '/ttlSeconds', '/scopes'],
    [{ ttlSeconds: 0, scopes: ['search'] }, '/ttlSeconds'],
    [{ ttlSeconds: 86_401, scopes: ['search'] }, '/ttlSeconds'],
    [{ ttlSeconds: 1.5, scopes: ['search'] }, '/ttlSeconds'],
    [{ ttlSeconds: '60', scopes: ['search'] }, '/ttlSeconds'],
    [{ ttlSeconds: 60, scopes: ['search', 'admin'] }, '/scopes/1'],
    [{ ttlSeconds: 60, scopes: ['search'], collections: ['Docs'] }, '/collections/0'],
    [{ ttlSeconds: 60, scopes: ['search'], filter: { a: { $x: 1 } } }, '/filter/a/$x'],
    [{ ttlSeconds: 60, scopes: ['search'], filter: { $acl: [] } }, '/filter/$acl'],
    [
      { ttlSeconds: 60, scopes: ['search'], principals: [''], sub: '', origins: ['x'] },
      '/origins/0',
      '/principals/0',
      '/sub',
    ],
    [{ ttlSeconds: 60, scopes: ['search'], jti: 'x', exp: 1 }, '/jti', '/exp'],
  ])('is refused as %j', async (body, ...pointers) => {
    const problem = await refusal(() => parseTokenRequest(body, SECRET, NOW))
    expect([problem.code, problem.errors?.map(({ pointer }) => pointer)]).toEqual(['invalid_request', pointers])
  })

  it('never goes beyond the scopes and collections of its key', async () => {
    const some: Principal = { ...SECRET, collections: ['docs-*'], filter: parseFilter({ a: 1 }), expiresAtMs: NOW + 1 }
    const asked = { ttlSeconds: 60, scopes: ['search'] }
    expect((await refusal(() => parseTokenRequest({ ...asked, scopes: ['answer'] }, SECRET, NOW))).code).toBe(
      'forbidden',
    )
    expect((await refusal(() => parseTokenRequest({ ...asked, collections: ['blog'] }, some, NOW))).code).toBe(
      'forbidden',
    )
    expect((await refusal(() => parseTokenRequest({ ...asked, collections: ['*'] }, some, NOW))).code).toBe('forbidden')
    for (const request of [asked, { ...asked, collections: ['docs-en'] }, { ...asked, filter: { b: 2 } }]) {
      expect(parseTokenRequest(request, some, NOW)).toEqual(request)
    }
    expect(parseTokenRequest({ ...asked, collections: ['blog'] }, SECRET, NOW)).toMatchObject({ collections: ['blog'] })
  })
})

describe('the claims of a new token', () => {
  const request = { ttlSeconds: 60, scopes: ['search'], sub: 'user:42' } as const

  it('begin now and last as long as asked, but not longer than the key', () => {
    const rights = { scopes: ['search'], sub: 'user:42' }
    expect(claimsOf(request, SECRET, NOW)).toEqual({ ...rights, iat: 1_800_000_000, exp: 1_800_000_060 })
    const { exp } = claimsOf(request, { ...SECRET, expiresAtMs: 1_800_000_030_900 }, NOW)
    expect(exp).toBe(1_800_000_030)
  })

  it('hold at once even where the key refuses all that was issued before this very moment', () => {
    const key = { tokensNotBeforeMs: NOW } as KeyRecord
    const claims = claimsOf(request, { ...SECRET, key }, NOW)
    expect(claims.iat).toBe(1_800_000_001)
    expect(isTimely(claims, NOW, key)).toBe(true)
    expect(parseTokenRequest(request, { ...SECRET, key }, NOW)).toEqual(request)
  })

  it('are not made where the key would refuse them', async () => {
    const later = { ...SECRET, key: { tokensNotBeforeMs: NOW + 1 } as KeyRecord }
    const { code, message } = await refusal(() => parseTokenRequest(request, later, NOW))
    expect([code, message]).toEqual(['forbidden', expect.stringContaining('2027-01-15T08:00:00.251Z')])
  })
})

describe('the signature of a new token', () => {
  const claims = claimsOf({ ttlSeconds: 60, scopes: ['search'] }, SECRET, NOW)

  it('is made with the secret that was presented', async () => {
    const token = readToken(await signToken(headers(`Bearer ${KEY.text}`), claims))!
    expect(token).toMatchObject({ keyId: KEY.id, claims })
    expect(await hasValidSignature(token, await tokenSigningKey(KEY))).toBe(true)
    expect(await hasValidSignature(token, await tokenSigningKey(newKey('secret', KEY.id)))).toBe(false)
  })

  it('is made with nothing else', async () => {
    for (const presented of [headers(`Bearer ${newKey('public').text}`), headers('Bearer x'), new Headers()]) {
      await expect(signToken(presented, claims)).rejects.toThrow('invariant')
    }
  })

  it('is not made where the token would be longer than can be read', async () => {
    const long = { ...claims, filter: { a: 'x'.repeat(8_192) } }
    const problem = await refusal(() => signToken(headers(`bearer  ${KEY.text}`), long))
    expect(problem.code).toBe('invalid_request')
  })
})
