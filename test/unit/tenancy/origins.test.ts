/** Which origins a key allows: a table, read row by row, and what may stand in a key's list. */
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { originAllowed, originFault, requireOrigin } from '../../../src/tenancy/origins.ts'

const OWN = 'https://search.example'

/** entry of the key's list, origin sent by the browser, allowed */
const TABLE: readonly (readonly [entry: string, origin: string, allowed: boolean])[] = [
  // exact
  ['https://shop.example', 'https://shop.example', true],
  ['https://shop.example', 'http://shop.example', false],
  ['https://shop.example', 'https://shop.example.', false],
  ['https://shop.example', 'https://shop.example/', false],
  ['https://shop.example', 'https://shop.example:443', false],
  ['https://shop.example', 'https://shop.example:8443', false],
  ['https://shop.example', 'https://SHOP.example', false],
  ['https://shop.example', 'HTTPS://shop.example', false],
  ['https://shop.example', 'https://www.shop.example', false],
  ['https://shop.example', 'https://shop.example.evil.example', false],
  ['https://shop.example', 'https://evilshop.example', false],
  ['https://shop.example', 'https://evil-shop.example', false],
  ['https://shop.example', 'https://shop.exampl', false],
  ['https://shop.example', 'https://shop.examplee', false],
  ['https://shop.example', 'https://shopxexample', false],
  ['https://shop.example', 'https://user@shop.example', false],
  ['https://shop.example', 'https://shop.example@evil.example', false],
  ['https://shop.example', 'https://shop.example#evil.example', false],
  ['https://shop.example', 'https://shop.example\\evil.example', false],
  ['https://shop.example', 'https://shop.example https://evil.example', false],
  ['https://shop.example', 'https://shop.example, https://evil.example', false],
  ['https://shop.example', ' https://shop.example', false],
  ['https://shop.example', 'shop.example', false],
  ['https://shop.example', '//shop.example', false],
  ['https://shop.example', 'null', false],
  ['https://shop.example', '', false],
  ['https://shop.example', '*', false],
  ['https://shop.example', 'file://', false],
  ['https://shop.example', OWN, false],
  ['https://shop.example:8443', 'https://shop.example:8443', true],
  ['https://shop.example:8443', 'https://shop.example', false],
  ['https://shop.example:8443', 'https://shop.example:84430', false],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3000', true],
  ['http://127.0.0.1:3000', 'http://2130706433:3000', false],
  ['http://127.0.0.1:3000', 'http://127.0.0.1:3001', false],
  ['http://[::1]:3000', 'http://[::1]:3000', true],
  ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example', true],
  ['https://xn--bcher-kva.example', 'https://bücher.example', false],
  ['https://shop.example', 'https://shоp.example', false], // a Cyrillic о
  ['capacitor://localhost', 'capacitor://localhost', true],
  ['capacitor://localhost', 'http://localhost', false],
  // one label in front
  ['https://*.shop.example', 'https://www.shop.example', true],
  ['https://*.shop.example', 'https://a-b.shop.example', true],
  ['https://*.shop.example', 'https://xn--bcher-kva.shop.example', true],
  ['https://*.shop.example', 'https://shop.example', false],
  ['https://*.shop.example', 'https://.shop.example', false],
  ['https://*.shop.example', 'https://a.b.shop.example', false],
  ['https://*.shop.example', 'https://wwwshop.example', false],
  ['https://*.shop.example', 'http://www.shop.example', false],
  ['https://*.shop.example', 'https://www.shop.example:8443', false],
  ['https://*.shop.example', 'https://www.shop.example.', false],
  ['https://*.shop.example', 'https://www.shop.example.evil.example', false],
  ['https://*.shop.example', 'https://evil.example/.shop.example', false],
  ['https://*.shop.example', 'https://evil.example#.shop.example', false],
  ['https://*.shop.example', 'https://evil.example:80.shop.example', false],
  ['https://*.shop.example', 'https://u@x.shop.example', false],
  ['https://*.shop.example', 'https://-.shop.example', false],
  ['https://*.shop.example', 'https://*.shop.example', false],
  ['https://*.shop.example', 'https://WWW.shop.example', false],
  ['https://*.shop.example', 'null', false],
  ['https://*.shop.example:8443', 'https://www.shop.example:8443', true],
  ['https://*.shop.example:8443', 'https://www.shop.example', false],
  // any port of localhost
  ['http://localhost:*', 'http://localhost:3000', true],
  ['http://localhost:*', 'http://localhost', true],
  ['http://localhost:*', 'http://localhost:65535', true],
  ['http://localhost:*', 'https://localhost:3000', false],
  ['http://localhost:*', 'http://127.0.0.1:3000', false],
  ['http://localhost:*', 'http://localhost.evil.example', false],
  ['http://localhost:*', 'http://localhost:3000.evil.example', false],
  ['http://localhost:*', 'http://evil.example:3000', false],
  ['http://localhost:*', 'http://a.localhost:3000', false],
  ['http://localhost:*', 'http://localhost:', false],
  ['http://localhost:*', 'http://localhost:3000/', false],
  ['http://localhost:*', 'http://user:pass@localhost:3000', false],
  // the server's own
  ['self', OWN, true],
  ['self', 'https://search.example:8443', false],
  ['self', 'http://search.example', false],
  ['self', 'https://search.example.', false],
  ['self', 'https://a.search.example', false],
  ['self', 'https://shop.example', false],
  ['self', 'self', false],
  ['self', 'null', false],
]

describe('a public key', () => {
  it.each(TABLE)('with %s and Origin %s: %s', (entry, origin, allowed) => {
    const key = { kind: 'public', origins: ['https://other.example', entry] } as const
    expect(originAllowed(key, origin, OWN)).toBe(allowed)
    expect(refusal(() => requireOrigin(key, origin, OWN))).toBe(allowed ? undefined : 'origin_forbidden')
  })

  it('without a list, or without an Origin, reaches nothing', () => {
    expect(originAllowed({ kind: 'public' }, OWN, OWN)).toBe(false)
    expect(refusal(() => requireOrigin({ kind: 'public', origins: ['self'] }, null, OWN))).toBe('origin_forbidden')
    expect(refusal(() => requireOrigin({ kind: 'public', origins: ['self'] }, undefined, OWN))).toBe('origin_forbidden')
  })
})

describe.each(['secret', 'root'] as const)('a %s key', (kind) => {
  it('is refused from every site but the own one', () => {
    const origins = new Set(TABLE.map(([, origin]) => origin))
    expect(origins.size).toBeGreaterThanOrEqual(60)
    for (const origin of origins) expect(originAllowed({ kind }, origin, OWN), origin).toBe(origin === OWN)
    expect(refusal(() => requireOrigin({ kind }, 'https://shop.example', OWN))).toBe('origin_forbidden')
  })

  it('needs no Origin', () => {
    expect(refusal(() => requireOrigin({ kind }, null, OWN))).toBeUndefined()
    expect(refusal(() => requireOrigin({ kind }, OWN, OWN))).toBeUndefined()
  })
})

describe('a token', () => {
  it('without a list is used from any site, and without one', () => {
    for (const origin of ['https://shop.example', OWN, 'null']) {
      expect(originAllowed({ kind: 'token' }, origin, OWN)).toBe(true)
      expect(refusal(() => requireOrigin({ kind: 'token' }, origin, OWN))).toBeUndefined()
    }
    expect(refusal(() => requireOrigin({ kind: 'token' }, null, OWN))).toBeUndefined()
  })

  it('with a list is used from these sites only, and not without an Origin', () => {
    const token = { kind: 'token', origins: ['https://shop.example'] } as const
    expect(refusal(() => requireOrigin(token, 'https://shop.example', OWN))).toBeUndefined()
    for (const origin of ['https://evil.example', OWN, 'null', null, undefined]) {
      expect(refusal(() => requireOrigin(token, origin, OWN))).toBe('origin_forbidden')
    }
  })
})

describe('the list of a key', () => {
  it('takes origins as browsers send them', () => {
    for (const [entry] of TABLE) expect(originFault(entry), entry).toBeUndefined()
  })

  it.each([
    '',
    '*',
    'null',
    'shop.example',
    'https://',
    'https://*',
    'https://*.example',
    'https://*.com:8443',
    'https://*.10.0.0.1',
    'https://*.*.shop.example',
    'https://www.*.shop.example',
    'https://shop*.example',
    'https://shop.example/',
    'https://shop.example/path',
    'https://shop.example?x',
    'https://shop.example#x',
    'https://shop.example:443',
    'http://shop.example:80',
    'https://shop.example:*',
    'https://localhost:*',
    'https://shop.example.',
    'https://SHOP.example',
    'HTTPS://shop.example',
    'https://user@shop.example',
    'https://bücher.example',
    'https://shop.example:99999',
    'https://127.1',
    'https://2130706433',
    'javascript:alert(1)',
    'Self',
    ' self',
    'capacitor://LOCALHOST',
    'chrome-extension://id?x',
  ])('refuses %j', (entry) => {
    expect(originFault(entry)).toEqual(expect.any(String))
  })
})

function refusal(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return asProblem(error)?.code ?? 'bug'
  }
}
