/** Sealed secrets: opened only with the same key, the same context and every byte as it was. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, utf8 } from '../../../src/core/bytes.ts'
import { newKey, tokenSigningKey } from '../../../src/tenancy/key-format.ts'
import { issueKey, openSigningKey } from '../../../src/tenancy/issue-key.ts'
import { keyHash } from '../../../src/tenancy/key-format.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'

const sealer = new Sealer('00'.repeat(31) + '01')
const other = new Sealer('00'.repeat(31) + '02')
const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => new Uint8Array(value))
const SEED = { seed: 256, numRuns: 100 }

describe('a sealed value', () => {
  it('opens to what was sealed, in its own context and under its own key only', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.string(), fc.string(), async (plain, context, elsewhere) => {
        const sealed = await sealer.seal(plain, context)
        expect(sealed).toHaveLength(1 + 12 + plain.length + 16)
        expect(await sealer.open(sealed, context)).toEqual(plain)
        expect(await other.open(sealed, context)).toBeUndefined()
        if (elsewhere !== context) expect(await sealer.open(sealed, elsewhere)).toBeUndefined()
      }),
      SEED,
    )
  })

  it('does not open when a byte was changed or lost', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), async (plain, at, flip) => {
        const sealed = await sealer.seal(plain, 'x')
        const index = at % sealed.length
        expect(await sealer.open(sealed.with(index, sealed[index]! ^ flip), 'x')).toBeUndefined()
        expect(await sealer.open(sealed.slice(0, index), 'x')).toBeUndefined()
      }),
      SEED,
    )
  })

  it('looks different each time', async () => {
    expect(hex(await sealer.seal(utf8('same'), 'x'))).not.toBe(hex(await sealer.seal(utf8('same'), 'x')))
  })
})

describe('derived keys', () => {
  it('differ by label and by salt, and are the same when derived again', async () => {
    const plain = utf8('secret')
    const sealed = await (await sealer.derive('replay/a', utf8('salt'))).seal(plain, '')
    expect(await (await sealer.derive('replay/a', utf8('salt'))).open(sealed, '')).toEqual(plain)
    const wrong = [sealer, await sealer.derive('replay/a'), await sealer.derive('replay/b', utf8('salt'))]
    wrong.push(await other.derive('replay/a', utf8('salt')))
    for (const one of wrong) expect(await one.open(sealed, '')).toBeUndefined()
  })

  it('sign and verify for one purpose', async () => {
    const [cursor, again, else_] = await Promise.all(['cursor', 'cursor', 'other'].map((x) => sealer.deriveKey(x)))
    const signature = await crypto.subtle.sign('HMAC', cursor!, utf8('m'))
    expect(await crypto.subtle.verify('HMAC', again!, signature, utf8('m'))).toBe(true)
    expect(await crypto.subtle.verify('HMAC', else_!, signature, utf8('m'))).toBe(false)
  })
})

describe('the sealing key', () => {
  it.each(['', 'ab', 'zz'.repeat(32), '00'.repeat(33)])('is refused as %j', (key) => {
    expect(() => new Sealer(key)).toThrow('NEARFIELD_SEALING_KEY')
  })
})

describe('an issued key', () => {
  it('leaves a digest, and for a secret key the sealed key that its tokens are signed with', async () => {
    const issued = await issueKey(sealer, 'secret')
    expect(issued.secretHash).toBe(await keyHash(issued.key))
    const opened = await openSigningKey(sealer, issued.key.id, issued.sealedSigningKey!)
    expect(opened).toEqual(await tokenSigningKey(issued.key))
    expect(await openSigningKey(sealer, newKey('secret').id, issued.sealedSigningKey!)).toBeUndefined()
  })

  it('signs nothing when it is public', async () => {
    expect(await issueKey(sealer, 'public')).not.toHaveProperty('sealedSigningKey')
  })

  it('has the id of the operation that it belongs to', async () => {
    expect((await issueKey(sealer, 'public', 'operation0000001')).key.id).toBe('operation0000001')
  })
})
