/** Tokens with a genuine signature that say what no token may say. */
import { idOf, json, type Claims, type Family, type Forge } from './token-forge.ts'

/** Correctly signed, with something in the claims that must not be there. */
const wrongClaims =
  (family: string, draw: (forge: Forge) => readonly [string, unknown]): Family =>
  async (forge) => {
    const [what, claims] = draw(forge)
    return [`${family}/${what}`, await forge.sign(forge.header(), claims)]
  }

const without = (claims: Claims, name: string): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name))

/** Inserts text into the JSON of an object, behind its opening brace. */
const inserted = (object: Claims, members: string): string => `{${members},${JSON.stringify(object).slice(1)}`

export const CLAIM_FORGERIES: readonly Family[] = [
  wrongClaims('time', (forge) => {
    const { now } = forge
    const claims = forge.claims()
    const times: Record<string, unknown> = {
      'exp with a fraction': { ...claims, exp: now + 60.5 },
      'exp as a text': { ...claims, exp: String(now + 60) },
      'exp negative': { ...claims, exp: -now },
      'exp huge': { ...claims, exp: 1e300 },
      'exp endless': json(claims).replace(/"exp":\d+/, '"exp":1e999'),
      'exp in milliseconds': { ...claims, exp: (now + 60) * 1000 },
      'exp null': { ...claims, exp: null },
      'exp a list': { ...claims, exp: [now + 60] },
      'exp true': { ...claims, exp: true },
      'exp now': { ...claims, exp: now },
      'exp past': { ...claims, exp: now - 1 - forge.number(1e6) },
      'exp absent': without(claims, 'exp'),
      'iat absent': without(claims, 'iat'),
      'iat with a fraction': { ...claims, iat: now - 0.5 },
      'iat as a text': { ...claims, iat: String(now) },
      'iat negative': { ...claims, iat: -1 },
      'iat null': { ...claims, iat: null },
      'iat ahead': { ...claims, iat: now + 120, exp: now + 240 },
      'longer than a day': { ...claims, iat: now - 10, exp: now - 10 + 86_401 + forge.number(1e6) },
      'iat 0': { ...claims, iat: 0 },
      'nbf ahead': { ...claims, nbf: now + 120 },
      'nbf a text': { ...claims, nbf: '0' },
      'nbf null': { ...claims, nbf: null },
      'nbf with a fraction': { ...claims, nbf: now - 0.5 },
    }
    const what = forge.pick(Object.keys(times))
    return [what, times[what]]
  }),
  wrongClaims('claim', (forge) => {
    const claims = forge.claims()
    const more: Record<string, unknown> = {
      aud: 'nearfield',
      iss: 'me',
      role: 'admin',
      tenant: 'acme',
      collection: ['docs'],
      Scopes: ['admin'],
      scope: 'search',
      acl: ['a'],
      kid: 'x',
      admin: true,
      constructor: {},
      '\u0455ub': 'user:1',
      ' sub': 'x',
      tenantUid: 't',
      keyId: 'k',
    }
    const name = forge.pick([...Object.keys(more), '__proto__'])
    if (name === '__proto__') return [`unknown ${name}`, inserted(claims, '"__proto__":{"scopes":["admin"]}')]
    return [`unknown ${name}`, { ...claims, [name]: more[name] }]
  }),
  wrongClaims('value', (forge) => {
    const claims = forge.claims()
    const [what, name, value] = forge.pick<readonly [string, string, unknown]>([
      ['no scope', 'scopes', []],
      ['admin', 'scopes', ['admin']],
      ['collections', 'scopes', ['search', 'collections']],
      ['a text', 'scopes', 'search'],
      ['null', 'scopes', null],
      ['a look-alike', 'scopes', ['\u0455earch']],
      ['a wildcard', 'scopes', ['*']],
      ['an object', 'scopes', { 0: 'search', length: 1 }],
      ['a scope twice', 'scopes', ['search', 'search']],
      ['in capitals', 'scopes', ['SEARCH']],
      ['empty', 'collections', []],
      ['null', 'collections', null],
      ['a text', 'collections', '*'],
      ['a pattern', 'collections', ['d*s']],
      ['a path', 'collections', ['../docs']],
      ['null', 'filter', null],
      ['a list', 'filter', []],
      ['a text', 'filter', '{}'],
      ['an acl', 'filter', { $acl: ['alice'] }],
      ['an unknown operator', 'filter', { a: { $where: '1' } }],
      ['too many clauses', 'filter', { $or: Array.from({ length: 65 }, () => ({ a: 1 })) }],
      ['null', 'principals', null],
      ['a text', 'principals', 'alice'],
      ['an empty one', 'principals', ['']],
      ['a number', 'principals', [1]],
      ['too many', 'principals', Array.from({ length: 101 }, (_, i) => `u${i}`)],
      ['too long', 'principals', ['x'.repeat(257)]],
      ['NUL', 'principals', ['a\u0000']],
      ['twice', 'principals', ['a', 'a']],
      ['null', 'sub', null],
      ['empty', 'sub', ''],
      ['a number', 'sub', 1],
      ['too long', 'sub', 'x'.repeat(257)],
      ['a line break', 'sub', 'a\r\nb'],
      ['a list', 'sub', ['a']],
      ['empty', 'origins', []],
      ['a wildcard', 'origins', ['*']],
      ['null', 'origins', null],
      ['a URL', 'origins', ['https://shop.example/']],
      ['null', 'jti', null],
      ['empty', 'jti', ''],
      ['a number', 'jti', 7],
    ])
    return [`${name} ${what}`, { ...claims, [name]: value }]
  }),
  async (forge) => {
    const [what, header, claims] = forge.pick<readonly [string, unknown, unknown]>([
      ['alg', inserted(forge.header(), '"alg":"none"'), forge.claims()],
      ['alg, escaped', inserted(forge.header(), '"\\u0061lg":"none"'), forge.claims()],
      ['kid', inserted(forge.header(), `"kid":"${idOf(forge.world.foreign)}"`), forge.claims()],
      ['exp', forge.header(), inserted(forge.claims(), '"exp":1')],
      ['scopes', forge.header(), inserted(forge.claims(), '"scopes":["documents:write"]')],
      ['scopes, escaped', forge.header(), inserted(forge.claims(), '"s\\u0063opes":["answer"]')],
      ['filter', forge.header(), inserted(forge.claims({ filter: { a: 1 } }), '"filter":{}')],
      ['inside the filter', forge.header(), inserted(forge.claims(), '"filter":{"a":{"$eq":1,"$eq":2}}')],
      ['principals', forge.header(), inserted(forge.claims({ principals: ['b'] }), '"principals":["a"]')],
    ])
    return [`twice/${what}`, await forge.sign(header, claims)]
  },
]
