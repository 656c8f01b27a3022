import { describe, expect, it } from 'vitest'
import { NearfieldError } from '../../../src/client/client.ts'
import { connectFault, refusalOf } from '../../../src/console/connect-fault.ts'

describe('the form that connects', () => {
  it('refuses keys that no page should hold', () => {
    for (const key of ['nf_sk_abc', 'nf_rk_abc']) {
      expect(refusalOf(key)).toContain('not a public key')
    }
    expect(refusalOf('nf_pk_abc')).toBeUndefined()
  })

  it('says what to do about a key that does not work', () => {
    expect(connectFault(new NearfieldError(401, { code: 'unauthorized' }))).toBe(
      'This key is unknown, expired or revoked.',
    )
    expect(connectFault(new NearfieldError(403, { code: 'origin_forbidden' }))).toContain('Add `self`')
    expect(connectFault(new NearfieldError(404, { code: 'not_found', detail: 'no such collection' }))).toBe(
      'no such collection',
    )
    expect(connectFault(new TypeError('Failed to fetch'))).toContain('did not answer')
  })
})
