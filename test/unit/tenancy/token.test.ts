/** Signed tokens: what is read, what is refused, when they hold, and that a bearer never has more than the key. */
import * as fc from 'fast-check'
import { jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/canonical-json.ts'
import { base64url, utf8 } from '../../../src/core/bytes.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { newKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { mayReachCollection, type Principal } from '../../../src/tenancy/principal.ts'
import { parseStrictJson } from '../../../src/tenancy/strict-json.ts'
import { hasValidSignature, isTimely, mintToken, narrowPrincipal, readToken } from '../../../src/tenancy/token.ts'
import type { TokenClaims } from '../../../src/tenancy/token.ts'
import { TOKEN_SCOPES } from '../../../src/tenancy/token-claims.ts'

const KEY = newKey('secret', '0123456789abcdef')
const SIGNING_KEY = await tokenSigningKey(KEY)
const HEADER = { alg: 'HS256', typ: 'JWT', kid: KEY.id }
const CLAIMS: TokenClaims = { iat: 1_800_000_000, exp: 1_800_000_900, scopes: ['search'] }

const encode = (part: unknown): string => base64url(utf8(typeof part === 'string' ? part : JSON.stringify(part)))

async function signRaw(header: unknown, claims: unknown, key = SIGNING_KEY): Promise<string> {
  const signed = `${encode(header)}.${encode(claims)}`
  const hmac = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return `${signed}.${base64url(new Uint8Array(await crypto.subtle.sign('HMAC', hmac, utf8(signed))))}`
}

const seconds = fc.integer({ min: 0, max: 4_000_000_000 })
const name = fc
  .string({ minLength: 1, maxLength: 20, unit: 'grapheme' })
  .filter((text) => !/\p{Cc}/u.test(text) && text.isWellFormed())
const claims: fc.Arbitrary<TokenClaims> = fc.record(
  {
    iat: seconds,
    exp: seconds,
    nbf: seconds,
    scopes: fc.subarray([...TOKEN_SCOPES], { minLength: 1 }),
    collections: fc.subarray(['docs', 'docs-*', '*', 'col_0123456789ABCDEF'], { minLength: 1 }),
    filter: fc.constantFrom<JsonObject>({}, { year: { $gte: 2020 } }, { $or: [{ a: 'ü"\\' }, { $id: 'x' }] }),
    principals: fc.uniqueArray(name, { maxLength: 5 }),
    sub: name,
    origins: fc.subarray(['https://shop.example', 'https://*.shop.example', 'self'], { minLength: 1 }),
    jti: name,
  },
  { requiredKeys: ['iat', 'exp', 'scopes'] },
)

describe('a minted token', () => {
  it('is read back with its claims, and verified by its key alone', async () => {
    const otherKey = await tokenSigningKey(newKey('secret'))
    await fc.assert(
      fc.asyncProperty(claims, async (wanted) => {
        const token = readToken(await mintToken(SIGNING_KEY, KEY.id, wanted))
        expect(token).toMatchObject({ keyId: KEY.id, claims: wanted })
        expect(await hasValidSignature(token!, SIGNING_KEY)).toBe(true)
        expect(await hasValidSignature(token!, otherKey)).toBe(false)
      }),
      { numRuns: 200, seed: 20_261_122 },
    )
  })

  it('is what another implementation of JWT reads, and the other way round', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (drawn) => {
        const nowMs = 2_000_000_000_000
        const wanted = { ...drawn, iat: 2_000_000_000, exp: 2_000_000_060, nbf: 2_000_000_000 }
        const ours = await mintToken(SIGNING_KEY, KEY.id, wanted)
        const verified = await jwtVerify(ours, SIGNING_KEY, {
          algorithms: ['HS256'],
          typ: 'JWT',
          currentDate: new Date(nowMs),
        })
        expect(verified).toMatchObject({ payload: wanted, protectedHeader: HEADER })
        const theirs = readToken(await new SignJWT({ ...wanted }).setProtectedHeader(HEADER).sign(SIGNING_KEY))
        expect(theirs).toMatchObject({ keyId: KEY.id, claims: wanted })
        expect(await hasValidSignature(theirs!, SIGNING_KEY)).toBe(true)
        expect(isTimely(theirs!.claims, nowMs, {})).toBe(true)
      }),
      { numRuns: 100, seed: 20_261_122 },
    )
  })

  it('may order and space its JSON freely', async () => {
    const { keyId, claims: read } = readToken(
      await signRaw(`{ "kid": "${KEY.id}",\n"typ":"JWT" ,"alg":"HS256"}`, JSON.stringify(CLAIMS, null, 2)),
    )!
    expect([keyId, read]).toEqual([KEY.id, CLAIMS])
  })
})

describe('a token is refused', () => {
  it.each<[what: string, header: unknown]>([
    ['without an algorithm', { typ: 'JWT', kid: KEY.id }],
    ['unsigned', { ...HEADER, alg: 'none' }],
    ['in another algorithm', { ...HEADER, alg: 'HS512' }],
    ['in lower case', { ...HEADER, alg: 'hs256' }],
    ['of another type', { ...HEADER, typ: 'at+jwt' }],
    ['with another member', { ...HEADER, cty: 'JWT' }],
    ['with a key of its own', { ...HEADER, jwk: { kty: 'oct', k: 'AA' } }],
    ['with a critical extension', { ...HEADER, crit: ['exp'] }],
    ['with a key id that is none', { ...HEADER, kid: '../../etc/passwd' }],
    ['with a number as its key id', { ...HEADER, kid: 1 }],
    ['naming its algorithm twice', `{"alg":"none","alg":"HS256","typ":"JWT","kid":"${KEY.id}"}`],
    ['naming it twice in another spelling', `{"alg":"none","\\u0061lg":"HS256","typ":"JWT","kid":"${KEY.id}"}`],
    ['with a list as its header', [HEADER]],
    ['with null as its header', null],
    ['with no JSON as its header', '{'],
  ])('%s', async (_, header) => {
    expect(readToken(await signRaw(header, CLAIMS))).toBeUndefined()
  })

  const { iat, exp, scopes } = CLAIMS
  it.each<[what: string, claims: unknown]>([
    ['without iat', { exp, scopes }],
    ['without exp', { iat, scopes }],
    ['without scopes', { iat, exp }],
    ['with no scope', { ...CLAIMS, scopes: [] }],
    ['with a scope twice', { ...CLAIMS, scopes: ['search', 'search'] }],
    ['with a scope of keys', { ...CLAIMS, scopes: ['admin'] }],
    ['with a list of lists', { ...CLAIMS, scopes: [['search']] }],
    ['with scopes as a text', { ...CLAIMS, scopes: 'search answer' }],
    ['with an unknown claim', { ...CLAIMS, aud: 'me' }],
    ['with a misspelt claim', { ...CLAIMS, collection: ['docs'] }],
    ['with a claim of the prototype', '{"iat":1,"exp":2,"scopes":["search"],"__proto__":{}}'],
    ['with a text as a time', { ...CLAIMS, exp: '1800000900' }],
    ['with a fraction of a second', { ...CLAIMS, exp: CLAIMS.exp + 0.5 }],
    ['with a time before 1970', { ...CLAIMS, iat: -1 }],
    ['with a time beyond all', { ...CLAIMS, exp: 2 ** 53 }],
    ['with an endless time', '{"iat":1,"exp":1e999,"scopes":["search"]}'],
    ['with null as a time', { ...CLAIMS, nbf: null }],
    ['with an empty list of collections', { ...CLAIMS, collections: [] }],
    ['with null as collections', { ...CLAIMS, collections: null }],
    ['with a pattern that is none', { ...CLAIMS, collections: ['*-docs'] }],
    ['with too many collections', { ...CLAIMS, collections: Array.from({ length: 101 }, (_, i) => `c${i}`) }],
    ['with an unknown operator', { ...CLAIMS, filter: { a: { $near: 1 } } }],
    ['with an acl as a filter', { ...CLAIMS, filter: { $acl: ['alice'] } }],
    ['with an endless number in its filter', '{"iat":1,"exp":2,"scopes":["search"],"filter":{"a":1e999}}'],
    ['with a list as its filter', { ...CLAIMS, filter: [] }],
    ['with too many principals', { ...CLAIMS, principals: Array.from({ length: 101 }, (_, i) => `u${i}`) }],
    ['with an empty principal', { ...CLAIMS, principals: [''] }],
    ['with a principal twice', { ...CLAIMS, principals: ['a', 'a'] }],
    ['with a number as a principal', { ...CLAIMS, principals: [1] }],
    ['with a principal of 257 bytes', { ...CLAIMS, principals: [`${'é'.repeat(128)}a`] }],
    ['with a lone surrogate', '{"iat":1,"exp":2,"scopes":["search"],"sub":"\\ud800"}'],
    ['with NUL', '{"iat":1,"exp":2,"scopes":["search"],"sub":"\\u0000"}'],
    ['with a control character', { ...CLAIMS, sub: 'a\nb' }],
    ['with an empty sub', { ...CLAIMS, sub: '' }],
    ['with a number as sub', { ...CLAIMS, sub: 42 }],
    ['with null as jti', { ...CLAIMS, jti: null }],
    ['with an empty list of origins', { ...CLAIMS, origins: [] }],
    ['with an origin that is none', { ...CLAIMS, origins: ['shop.example'] }],
    ['naming a claim twice', '{"iat":1,"exp":2,"exp":3,"scopes":["search"]}'],
    ['naming a member of its filter twice', '{"iat":1,"exp":2,"scopes":["search"],"filter":{"a":{"$gt":1,"$gt":0}}}'],
    ['with a list as its claims', [CLAIMS]],
    ['with null as its claims', null],
    ['with a text as its claims', '"x"'],
    ['with no JSON as its claims', `${JSON.stringify(CLAIMS)},`],
    ['with a byte order mark', `\ufeff${JSON.stringify(CLAIMS)}`],
  ])('%s', async (_, wrong) => {
    expect(readToken(await signRaw(HEADER, wrong))).toBeUndefined()
  })

  it('unless it is three parts of strict base64url', async () => {
    const token = await mintToken(SIGNING_KEY, KEY.id, CLAIMS)
    const [header = '', payload = '', signature = ''] = token.split('.')
    expect(readToken(token)).toBeDefined()
    for (const wrong of [
      '',
      '..',
      `${token}=`,
      `${token}.`,
      ` ${token}`,
      `${token}\n`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(1)}`,
      `${header}.${payload}.${signature}A`,
      `${header}.${payload}.${signature.slice(0, -1)}+`,
      `${header}=.${payload}.${signature}`,
      `${header}.${encode('{}')}.${signature}`,
      `${header}.${payload}${'A'.repeat(5 - (payload.length % 4))}.${signature}`,
      `${encode('\u00ff')}.${payload}.${signature}`,
      `${header}.${base64url(Uint8Array.of(0x22, 0xff, 0x22))}.${signature}`,
      `${header}.${payload}.${strayBits(signature)}`,
    ]) {
      expect(readToken(wrong), wrong).toBeUndefined()
    }
  })

  it('beyond 8 KB, before anything is decoded', async () => {
    const long = (length: number) =>
      mintToken(SIGNING_KEY, KEY.id, { ...CLAIMS, filter: { a: { $in: ['x'.repeat(length)] } } })
    const room = Math.floor(((8_192 - (await long(0)).length) / 4) * 3)
    expect(readToken(await long(room - 3))).toBeDefined()
    const over = await long(room + 3)
    expect(over.length).toBeGreaterThan(8_192)
    expect(readToken(over)).toBeUndefined()
  })
})

/** The last of 43 characters carries two bits that belong to no byte. */
function strayBits(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.at(-1)!) + 1]
}

describe('JSON is strict', () => {
  it('where every other parser would read the same, and only there', () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as unknown),
        (value) => {
          const text = JSON.stringify(value)
          const isStorable = !/\\u0000|\\ud[89a-f]/.test(text)
          expect(parseStrictJson(text)).toEqual(isStorable ? value : undefined)
        },
      ),
      { numRuns: 1_000, seed: 20_261_122 },
    )
    const member = fc.tuple(
      fc.constantFrom('a', 'b', 'c', '\\u0061', '{"', '\\"', ':'),
      fc.constantFrom('1', '{"a":2}', '"a\\":"', '[{"a":1},{"a":2}]'),
    )
    fc.assert(
      fc.property(fc.array(member, { maxLength: 4 }), (members) => {
        const quoted = members.map(
          ([key, value]) =>
            [JSON.stringify(key).replaceAll('\\\\u', '\\u').replaceAll('\\\\\\"', '\\"'), value] as const,
        )
        const names = quoted.map(([key]) => JSON.parse(key) as string)
        const text = `{${quoted.map(([key, value]) => `${key} : ${value}`).join(', ')}}`
        expect(parseStrictJson(text) === undefined).toBe(new Set(names).size < names.length)
      }),
      { numRuns: 1_000, seed: 20_261_122 },
    )
  })
})

describe('a token holds', () => {
  const nowMs = 1_800_000_000_000
  const now = 1_800_000_000
  const holds = (times: { iat: number; exp: number; nbf?: number }, tokensNotBeforeMs?: number, at = nowMs) =>
    isTimely(times, at, { tokensNotBeforeMs })

  it('until exp, to the millisecond', () => {
    expect(holds({ iat: now - 10, exp: now + 1 })).toBe(true)
    expect(holds({ iat: now - 10, exp: now + 1 }, undefined, nowMs + 999)).toBe(true)
    expect(holds({ iat: now - 10, exp: now + 1 }, undefined, nowMs + 1_000)).toBe(false)
    expect(holds({ iat: now - 10, exp: now })).toBe(false)
  })

  it('from iat and nbf on, with 60 s for clocks that differ', () => {
    expect(holds({ iat: now + 60, exp: now + 100 })).toBe(true)
    expect(holds({ iat: now + 61, exp: now + 100 })).toBe(false)
    expect(holds({ iat: now, exp: now + 100, nbf: now + 60 })).toBe(true)
    expect(holds({ iat: now, exp: now + 100, nbf: now + 61 })).toBe(false)
  })

  it('for at most 24 hours', () => {
    expect(holds({ iat: now, exp: now + 86_400 })).toBe(true)
    expect(holds({ iat: now, exp: now + 86_401 })).toBe(false)
    expect(holds({ iat: 0, exp: now + 1 })).toBe(false)
  })

  it('unless its key refuses what was issued before a time', () => {
    expect(holds({ iat: now, exp: now + 100 }, nowMs)).toBe(true)
    expect(holds({ iat: now, exp: now + 100 }, nowMs + 1)).toBe(false)
    expect(holds({ iat: now - 1, exp: now + 100 }, nowMs)).toBe(false)
  })
})

describe('the bearer of a token', () => {
  const key: Principal = {
    kind: 'secret',
    keyId: KEY.id,
    tenant: { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} },
    scopes: new Set(['search', 'documents:read', 'admin']),
    collections: ['docs*'],
    filter: parseFilter({ year: 2020 }),
    expiresAtMs: 1_900_000_000_000,
  }

  it('is a principal of its own kind with the rights that both allow', () => {
    const bearer = narrowPrincipal(key, {
      ...CLAIMS,
      scopes: ['search', 'answer'],
      collections: ['docs-en'],
      filter: { team: 'a' },
      principals: ['alice'],
      sub: 'user:42',
      jti: 'j1',
      origins: ['self'],
    })
    expect(bearer).toMatchObject({
      kind: 'token',
      keyId: KEY.id,
      tenant: key.tenant,
      collections: ['docs*'],
      tokenCollections: ['docs-en'],
      origins: ['self'],
      expiresAtMs: 1_800_000_900_000,
      token: { principals: ['alice'], sub: 'user:42', jti: 'j1' },
    })
    expect([...bearer.scopes]).toEqual(['search'])
    expect(mayReachCollection(bearer, { id: 'col_1', name: 'docs-en' })).toBe(true)
    expect(mayReachCollection(bearer, { id: 'col_1', name: 'docs' })).toBe(false)
    const sees = (metadata: JsonObject, acl?: string[]) => matches(bearer.filter!, { id: 'x', metadata, acl })
    expect(sees({ year: 2020, team: 'a' })).toBe(true)
    expect(sees({ year: 2020, team: 'a' }, ['bob', 'alice'])).toBe(true)
    expect(sees({ year: 2020, team: 'a' }, ['bob'])).toBe(false)
    expect(sees({ year: 2020 })).toBe(false)
    expect(sees({ team: 'a' })).toBe(false)
  })

  it('has no principals, no name and no list of its own unless the token says so', () => {
    const { collections: _, filter: __, expiresAtMs: ___, ...wide } = key
    const bearer = narrowPrincipal({ ...wide, origins: ['https://shop.example'] }, CLAIMS)
    expect(bearer).not.toHaveProperty('origins')
    expect(bearer).not.toHaveProperty('tokenCollections')
    expect(bearer.token).toEqual({ principals: [] })
    expect(bearer.expiresAtMs).toBe(CLAIMS.exp * 1000)
    expect(matches(bearer.filter!, { id: 'x', metadata: {} })).toBe(true)
    expect(matches(bearer.filter!, { id: 'x', metadata: {}, acl: ['alice'] })).toBe(false)
  })

  it('reaches a collection only where both lists do, even one that the key names by id', () => {
    const collections = [
      { id: 'col_0000000000000001', name: 'docs' },
      { id: 'col_0000000000000002', name: 'docs-en' },
      { id: 'col_0000000000000003', name: 'blog' },
    ]
    const lists = fc.option(
      fc.subarray(['docs', 'docs*', 'docs-*', '*', 'blog', 'col_0000000000000002'], { minLength: 1 }),
      { nil: undefined },
    )
    fc.assert(
      fc.property(lists, lists, (ofKey, ofToken) => {
        const { collections: _, ...wide } = key
        const maker: Principal = ofKey === undefined ? wide : { ...wide, collections: ofKey }
        const bearer = narrowPrincipal(maker, ofToken === undefined ? CLAIMS : { ...CLAIMS, collections: ofToken })
        for (const collection of collections) {
          const byToken = mayReachCollection(ofToken === undefined ? {} : { collections: ofToken }, collection)
          expect(mayReachCollection(bearer, collection)).toBe(mayReachCollection(maker, collection) && byToken)
        }
      }),
    )
  })
})
