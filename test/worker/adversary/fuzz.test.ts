/** A bounded run of the fuzzer; `npm run soak:tenancy` runs it for longer, over HTTP, and schemathesis beside it. */
import { expect, it } from 'vitest'
import { runFuzz } from '../../adversary/fuzz.ts'
import { makeWorld } from '../http/http-harness.ts'
import { appWire } from './app-wire.ts'

const REQUESTS = 5_000
const SEED = 41

it(
  'answers whatever is sent with what is documented, and never with a fault of its own',
  { timeout: 480_000 },
  async () => {
    const world = await makeWorld()
    const report = await runFuzz({ send: appWire(world), rootKey: world.rootKey, seed: SEED, requests: REQUESTS })
    const { faults, ...counts } = report
    console.log(JSON.stringify({ seed: SEED, ...counts }))
    expect(faults).toEqual([])
    expect(report.requests).toBeGreaterThanOrEqual(REQUESTS)
    expect(report.extras).toBeGreaterThan(100)
    // Every operation was reached in earnest, or its refusals prove nothing.
    expect(report.neverSucceeded).toEqual([])
    expect(world.lines.filter(({ level }) => level === 'error')).toEqual([])
  },
)
