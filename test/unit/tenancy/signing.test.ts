/** Signatures for outsiders, judged by an implementation that is not ours. */
import { calculateJwkThumbprint, compactVerify, createLocalJWKSet, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import { base64url, utf8 } from '../../../src/core/bytes.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { Signer } from '../../../src/tenancy/signing.ts'

const signer = new Signer(new Sealer('5a'.repeat(32)))
const TYP = 'nearfield-test+jws'
const payload = { b: ['é', 2], a: null }

describe('a signer', () => {
  it('signs what another implementation verifies with the published keys alone', async () => {
    const jws = await signer.sign(payload, TYP)
    const { keys } = await signer.jwks()
    const verified = await compactVerify(jws, createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) }))
    expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(payload)
    expect(verified.protectedHeader).toEqual({ alg: 'EdDSA', typ: TYP, kid: keys[0]?.kid })
  })

  it('publishes nothing but the public half, named by its thumbprint', async () => {
    const { keys } = await signer.jwks()
    expect(keys).toHaveLength(1)
    const [key] = keys
    expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
    expect(key?.kid).toBe(await calculateJwkThumbprint({ ...key }))
  })

  it('has the same key wherever the sealing key is the same, and another one elsewhere', async () => {
    const same = new Signer(new Sealer('5A'.repeat(32)))
    const other = new Signer(new Sealer('5b'.repeat(32)))
    expect(await same.jwks()).toEqual(await signer.jwks())
    expect((await other.jwks()).keys[0]?.x).not.toBe((await signer.jwks()).keys[0]?.x)
    const jws = await signer.sign(payload, TYP)
    expect(await same.verify(jws, TYP)).toEqual(payload)
    expect(await other.verify(jws, TYP)).toBeUndefined()
  })

  it('does not let one type of statement pass for another', async () => {
    const jws = await signer.sign(payload, TYP)
    expect(decodeProtectedHeader(jws).typ).toBe(TYP)
    for (const other of ['nearfield-tesT+jws', 'nearfield-other+jws', '']) {
      expect(await signer.verify(jws, other), other).toBeUndefined()
    }
  })

  it('verifies nothing in which any character was changed, added or removed', async () => {
    const jws = await signer.sign(payload, TYP)
    for (let i = 0; i < jws.length; i++) {
      const changed = jws[i] === 'A' ? 'B' : 'A'
      for (const text of [jws.slice(0, i) + changed + jws.slice(i + 1), jws.slice(0, i) + jws.slice(i + 1)]) {
        expect(await signer.verify(text, TYP), `character ${i}`).toBeUndefined()
      }
    }
    const [header = '', body = '', signature = ''] = jws.split('.')
    const wrong = [
      '',
      '..',
      `${jws}=`,
      `${jws}.`,
      `${jws}.${signature}`,
      `${header}.${signature}`,
      `${header}..${signature}`,
      `${header}.${body}.`,
      `${header}.${body}%.${signature}`,
      `${base64url(utf8('{"alg":"none"}'))}.${body}.`,
    ]
    for (const text of wrong) expect(await signer.verify(text, TYP), text).toBeUndefined()
  })
})
