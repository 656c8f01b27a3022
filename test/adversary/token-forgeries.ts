/** Tokens forged in their header, their signature or their spelling, and credentials of other kinds. */
import { base64, base64url, hex, sha256, utf8 } from '../../src/core/bytes.ts'
import { newKey } from '../../src/tenancy/key-format.ts'
import {
  ALPHABET,
  encode,
  idOf,
  json,
  LABEL,
  mac,
  signingKey,
  type Bytes,
  type Claims,
  type Family,
} from './token-forge.ts'

export const TOKEN_FORGERIES: readonly Family[] = [
  async (forge) => {
    const alg = forge.pick([
      'none',
      'None',
      'nOnE',
      'NONE',
      '',
      'HS384',
      'HS512',
      'RS256',
      'ES256',
      'EdDSA',
      'hs256',
      'HS256 ',
      'HS\u0435256',
      null,
      256,
      ['HS256'],
      undefined,
    ])
    const hash = alg === 'HS384' ? 'SHA-384' : alg === 'HS512' ? 'SHA-512' : 'SHA-256'
    const token = await forge.sign(forge.header({ alg }), forge.claims(), undefined, hash)
    const signature = forge.pick(['signed', 'unsigned', 'cut to 32 bytes'])
    const [header, payload, made = ''] = token.split('.')
    const kept = signature === 'unsigned' ? '' : signature === 'signed' ? made : made.slice(0, 43)
    return [`algorithm/${json(alg ?? 'absent')} ${signature}`, `${header}.${payload}.${kept}`]
  },
  async (forge) => {
    const { victim, foreign, publicKey, rotatedOut } = forge.world
    const guesses: Record<string, Bytes> = {
      'the key itself': utf8(victim),
      'its digest': await sha256(utf8(victim)),
      'its digest in hex': utf8(hex(await sha256(utf8(victim)))),
      'its id': utf8(idOf(victim)),
      'the label': utf8(LABEL),
      nothing: new Uint8Array(),
      zeros: new Uint8Array(32),
      'the word secret': utf8('secret'),
      'the signing key in hex': utf8(hex(await signingKey(victim))),
      'label and key swapped': await mac(utf8(LABEL), victim),
      'another label': await mac(utf8(victim), 'nearfield-token-v2'),
      'the key twice derived': await mac(await signingKey(victim), LABEL),
      'a public key': utf8(publicKey),
      "a public key's derivation": await signingKey(publicKey),
      "another tenant's signing key": await signingKey(foreign),
      'the rotated secret': await signingKey(rotatedOut),
      'random bytes': forge.bytes(32),
    }
    const what = forge.pick(Object.keys(guesses))
    return [`wrong key/${what}`, await forge.sign(forge.header(), forge.claims(), guesses[what])]
  },
  async (forge) => {
    const { victim, foreign, publicKey, revoked } = forge.world
    const id = idOf(victim)
    const kids: Record<string, unknown> = {
      "another tenant's": idOf(foreign),
      'a public key': idOf(publicKey),
      'a revoked key': idOf(revoked),
      'an unknown key': idOf(newKey('secret', base64url(forge.bytes(12)).replace(/[-_]/g, '0')).text),
      'the whole key': victim,
      'a prefixed id': `nf_sk_${id}`,
      'other case': id === id.toLowerCase() ? id.toUpperCase() : id.toLowerCase(),
      'one character more': `${id}0`,
      'one character less': id.slice(1),
      'white space': ` ${id.slice(1)}`,
      'a look-alike': `\uff10${id.slice(1)}`,
      'a list': [id],
      'an object': { id },
      'a number': 0,
      null: null,
      'a path': '../../dev/null',
      SQL: "' OR '1'='1' --",
      NUL: `${id}\u0000`,
      __proto__: '__proto__',
      absent: undefined,
    }
    const what = forge.pick(Object.keys(kids))
    return [`kid/${what}`, await forge.sign(forge.header({ kid: kids[what] }), forge.claims())]
  },
  async (forge) => {
    const { revoked, rotatedOut, publicKey } = forge.world
    const keys = { 'revoked key': revoked, 'rotated secret': rotatedOut, 'public key': publicKey }
    const what = forge.pick(Object.keys(keys) as (keyof typeof keys)[])
    const header = forge.header({ kid: idOf(keys[what]) })
    return [`dead key/${what}`, await forge.sign(header, forge.claims(), await signingKey(keys[what]))]
  },
  async (forge) => {
    const extras: Claims = {
      jku: 'https://evil.example/jwks.json',
      x5u: 'https://evil.example/c',
      jwk: { kty: 'oct', k: 'AA' },
      x5c: ['AA'],
      crit: ['exp'],
      b64: false,
      zip: 'DEF',
      cty: 'JWT',
      typ: 'at+jwt',
      enc: 'A256GCM',
      Alg: 'HS256',
      url: '/',
    }
    const what = forge.pick(Object.keys(extras))
    return [`header/${what}`, await forge.sign(forge.header({ [what]: extras[what] }), forge.claims())]
  },
  async (forge) => {
    const token = await forge.genuine()
    const parts = token.split('.')
    const place = forge.number(3)
    const part = parts[place]!
    const at = forge.pick([0, 1, part.length - 2, part.length - 1, forge.number(part.length)])
    const bit = 1 << forge.number(6)
    parts[place] = part.slice(0, at) + ALPHABET[ALPHABET.indexOf(part[at]!) ^ bit]! + part.slice(at + 1)
    return [`bit flip/${['header', 'payload', 'signature'][place]}`, parts.join('.')]
  },
  async (forge) => {
    const token = await forge.genuine()
    const at = 1 + forge.number(token.length - 1)
    const [header = '', payload = '', signature = ''] = token.split('.')
    const cuts: Record<string, string> = {
      'at the end': token.slice(0, at),
      'at the beginning': token.slice(at),
      'one out of the middle': token.slice(0, at - 1) + token.slice(at),
      'no signature': `${header}.${payload}.`,
      'two parts': `${header}.${payload}`,
      'no payload': `${header}..${signature}`,
      'no header': `.${payload}.${signature}`,
      'half a signature': `${header}.${payload}.${signature.slice(0, 22)}`,
      'a longer signature': `${token}${ALPHABET[forge.number(64)]}`,
      'a fourth part': `${token}.${signature}`,
      'a foreign signature': `${header}.${payload}.${base64url(forge.bytes(32))}`,
      'the signature in hex': `${header}.${payload}.${hex(forge.bytes(32))}`,
      'parts swapped': `${payload}.${header}.${signature}`,
      twice: `${token}${token}`,
    }
    const what = forge.pick(Object.keys(cuts))
    return [`cut/${what}`, cuts[what]!]
  },
  async (forge) => {
    // Claims of one genuine token with the signature of another.
    const [header, payload] = (await forge.genuine({ sub: `user:${forge.number(1e9)}`, scopes: ['answer'] })).split('.')
    const signature = (await forge.genuine()).split('.')[2]
    return ['transplanted signature', `${header}.${payload}.${signature}`]
  },
  async (forge) => {
    const token = await forge.genuine()
    const parts = token.split('.')
    const place = forge.number(3)
    const part = parts[place]!
    const at = 1 + forge.number(part.length - 1)
    // The last character of 43 carries two stray bits; other lengths get a character that stands for no byte.
    const last = ALPHABET.indexOf(part.at(-1)!)
    const stray = part.length % 4 === 0 ? `${part}A` : part.slice(0, -1) + ALPHABET[last | 1]!
    const spellings: Record<string, string> = {
      padding: `${part}=`,
      'full padding': `${part}==`,
      'stray bits': stray === part ? `${part}=` : stray,
      plus: `${part.slice(0, at)}+${part.slice(at)}`,
      slash: `${part.slice(0, at)}/${part.slice(at)}`,
      percent: `${part.slice(0, at)}%${part.charCodeAt(at).toString(16)}${part.slice(at + 1)}`,
      'standard base64 with padding': `${base64(utf8(part))}=`,
      'a space': `${part.slice(0, at)} ${part.slice(at)}`,
      'a tab': `${part.slice(0, at)}\t${part.slice(at)}`,
      'a no-break space': `${part.slice(0, at)}\u00a0${part.slice(at)}`,
      'a letter with an accent': `${part.slice(0, at)}\u00c0${part.slice(at + 1)}`,
      quotes: `"${part}"`,
    }
    const what = forge.pick(Object.keys(spellings))
    parts[place] = spellings[what]!
    return [`spelling/${what}`, parts.join('.')]
  },
  async (forge) => {
    const token = await forge.genuine()
    const { victim } = forge.world
    const headers: Record<string, string> = {
      Basic: `Basic ${token}`,
      'Basic, encoded': `Basic ${base64(utf8(`token:${token}`))}`,
      'Basic, a key': `Basic ${base64(utf8(`${victim}:`))}`,
      Token: `Token ${token}`,
      JWT: `JWT ${token}`,
      DPoP: `DPoP ${token}`,
      Digest: `Digest username="${token}"`,
      'no scheme': token,
      'an equals sign': `Bearer=${token}`,
      'a colon': `Bearer: ${token}`,
      'no space': `Bearer${token}`,
      quotes: `Bearer "${token}"`,
      'angle brackets': `Bearer <${token}>`,
      'a parameter': `Bearer token=${token}`,
      'two credentials': `Bearer ${token}, Bearer ${token}`,
      'a list': `Bearer ${token},${token}`,
      'key and token': `Bearer ${victim}.${token}`,
      'a tab': `Bearer\t${token}`,
      'twice the scheme': `Bearer Bearer ${token}`,
      'a longer scheme': `XBearer ${token}`,
      'only the scheme': 'Bearer',
      nothing: '',
    }
    const what = forge.pick(Object.keys(headers))
    return [`scheme/${what}`, `!${headers[what]!}`]
  },
  async (forge) => {
    const token = await forge.genuine()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const jwe = encode({ alg: 'dir', enc: 'A256GCM', kid: idOf(forge.world.victim) })
    const shapes: Record<string, string> = {
      JWE: [jwe, '', base64url(forge.bytes(12)), payload, base64url(forge.bytes(16))].join('.'),
      'JWE with a genuine header': [header, '', base64url(forge.bytes(12)), payload, signature].join('.'),
      'JWS as JSON': json({ protected: header, payload, signature }),
      'JWS as JSON, encoded': encode({ payload, signatures: [{ protected: header, signature }] }),
      nested: await forge.sign(forge.header(), token),
      'nested as a text': await forge.sign(forge.header(), json(JSON.stringify(token))),
      'claims in a list': await forge.sign(forge.header(), [forge.claims()]),
      'claims null': await forge.sign(forge.header(), 'null'),
      'claims a number': await forge.sign(forge.header(), '1'),
      'claims no JSON': await forge.sign(forge.header(), `${json(forge.claims())}//`),
      'claims behind a byte order mark': await forge.sign(forge.header(), `\ufeff${json(forge.claims())}`),
      'header in a list': await forge.sign([forge.header()], forge.claims()),
      'unencoded payload': `${header}.${json(forge.claims()).replaceAll('"', "'")}.${signature}`,
      'a tunnel of brackets': await forge.sign(forge.header(), '['.repeat(2_000) + ']'.repeat(2_000)),
      'a deep filter': await forge.sign(
        forge.header(),
        forge.claims({ filter: JSON.parse(`${'{"$not":'.repeat(400)}{"a":1}${'}'.repeat(400)}`) as unknown }),
      ),
      'too long': await forge.genuine({ filter: { a: 'x'.repeat(6_100 + forge.number(3_000)) } }),
      'a PASETO': `v4.local.${base64url(forge.bytes(64))}`,
      'random text': base64url(forge.bytes(1 + forge.number(300))),
      'random parts': [40, 60, 32].map((length) => base64url(forge.bytes(length))).join('.'),
    }
    const what = forge.pick(Object.keys(shapes))
    return [`shape/${what}`, shapes[what]!]
  },
]
