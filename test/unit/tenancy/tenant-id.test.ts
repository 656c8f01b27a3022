/** Public ids of tenants: what is one, and those that nobody chose. */
import { describe, expect, it } from 'vitest'
import { isTenantId, newTenantId } from '../../../src/tenancy/tenant-id.ts'

describe('the public id of a tenant', () => {
  it.each(['a', '0', 'acme', 'acme_eu-1', `a${'-'.repeat(62)}`])('may be %s', (id) => {
    expect(isTenantId(id)).toBe(true)
  })

  it.each(['', '-a', '_a', 'Acme', 'a.b', 'a/b', 'é', 'a\n', `a${'-'.repeat(63)}`])('may not be %j', (id) => {
    expect(isTenantId(id)).toBe(false)
  })

  it('is the same for the same operation, and another one each time where there is none', () => {
    expect(newTenantId('AbC123')).toBe('t-abc123')
    const made = new Set(Array.from({ length: 100 }, () => newTenantId()))
    expect(made.size).toBe(100)
    for (const id of made) expect(isTenantId(id)).toBe(true)
  })
})
