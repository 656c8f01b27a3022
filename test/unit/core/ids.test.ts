import { describe, expect, it } from 'vitest'
import { rfc3339 } from '../../../src/core/clock.ts'
import { newCollectionId, newGenerationId, newJobId, newRequestId, newTenantUid } from '../../../src/core/ids.ts'

describe('ids', () => {
  it.each([
    ['ten', newTenantUid],
    ['col', newCollectionId],
    ['gen', newGenerationId],
    ['job', newJobId],
    ['req', newRequestId],
  ] as const)('of kind %s have their prefix and 16 characters, and never meet', (prefix, make) => {
    const made = Array.from({ length: 1_000 }, () => make())
    for (const id of made) expect(id).toMatch(new RegExp(`^${prefix}_[0-9A-Za-z]{16}$`))
    expect(new Set<string>(made).size).toBe(made.length)
  })
})

describe('rfc3339', () => {
  it('spells times in UTC with milliseconds', () => {
    expect(rfc3339(0)).toBe('1970-01-01T00:00:00.000Z')
  })
})
