/** The matrix of tenants and credentials, in the ordinary test run; `npm run soak:tenancy` runs five times as much. */
import { expect, it } from 'vitest'
import { runMatrix } from '../../adversary/matrix.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { KEY_SCANNER } from '../../../src/tenancy/key-format.ts'
import { CONTENT_MARK } from '../../adversary/canaries.ts'
import { makeWorld } from '../http/http-harness.ts'
import { appWire } from './app-wire.ts'

const ATTEMPTS = 20_000
const SEED = 20_260_704

it('shows nobody what is not theirs, on any route, by any credential, with any id', { timeout: 480_000 }, async () => {
  const world = await makeWorld()
  const report = await runMatrix({
    send: appWire(world),
    rootKey: world.rootKey,
    random: seededRandom(SEED),
    attempts: ATTEMPTS,
  })
  const { faults, ...counts } = report
  console.log(JSON.stringify({ seed: SEED, ...counts }))
  expect(faults).toEqual([])
  expect(report.attempts).toBeGreaterThanOrEqual(ATTEMPTS)
  // A route that refuses everybody proves nothing: give it a body in test/adversary/bodies.ts.
  expect(report.neverSucceeded).toEqual([])
  expect(report.comparisons).toBeGreaterThan(1_000)
  const log = world.lines.map((line) => JSON.stringify(line)).join('\n')
  expect(world.lines.length).toBeGreaterThan(ATTEMPTS)
  expect(log).not.toMatch(KEY_SCANNER)
  expect(log).not.toContain(CONTENT_MARK)
})
