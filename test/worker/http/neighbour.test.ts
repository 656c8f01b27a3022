/** A noisy neighbour: a tenant at ten times its limits is refused, and another's answers are all what they were. Counted. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { makeWorld } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

const ALLOWED = 20
const NOISE = 10 * ALLOWED
const QUIET = 40

let world: World
let noisy: TestTenant
let quiet: TestTenant

beforeEach(async () => {
  // Buckets fill by the clock, which stands still.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
  world = await makeWorld()
  noisy = await world.makeTenant('noisy')
  quiet = await world.makeTenant('quiet')
  for (const { key } of [noisy, quiet]) {
    await world.call('POST', '/v1/collections', { key, body: { name: 'docs' } })
    const documents = [{ id: 'd', text: 'The heron nests by the weir.' }]
    await world.call('PUT', '/v1/collections/docs/documents', { key, body: { documents } })
  }
})

afterEach(() => {
  vi.useRealTimers()
})

const search = ({ key }: TestTenant): Promise<Answer> =>
  world.call('POST', '/v1/collections/docs/search', { key, body: { query: 'heron' } })

const hitsOf = ({ status, json }: Answer): string => JSON.stringify([status, json.hits ?? json.code])

const countsOf = (answers: readonly Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

it.each([
  ['rate', { rateLimit: { requests: ALLOWED, windowSeconds: 3_600 } }],
  ['quota of searches', { searchesPerMonth: ALLOWED }],
])('ten times its %s costs a tenant its own answers, and no other a single one', async (_, limits) => {
  const expected = hitsOf(await search(quiet))
  const changed = await world.call('PATCH', `/v1/tenants/${noisy.id}`, { key: world.rootKey, body: { limits } })
  expect(changed.status).toBe(200)
  vi.setSystemTime(Date.now() + 10_000)

  const asked = Array.from({ length: NOISE + QUIET }, (__, i) => (i % ((NOISE + QUIET) / QUIET) === 0 ? quiet : noisy))
  const answers = await Promise.all(asked.map(search))
  const ofQuiet = answers.filter((__, i) => asked[i] === quiet)
  const ofNoisy = answers.filter((__, i) => asked[i] === noisy)
  expect(countsOf(ofNoisy)).toEqual({ 200: ALLOWED, 429: NOISE - ALLOWED })
  expect(ofQuiet).toHaveLength(QUIET)
  expect(new Set(ofQuiet.map(hitsOf))).toEqual(new Set([expected]))
})
