/**
 * Does the time of a refusal tell an unknown key from a wrong secret? Times the authenticator on refused and accepted
 * credentials, in turn, and prints Welch's t between the classes of refusals. Reported, never asserted: the operations
 * are counted by the tests; |t| below 4.5 over this many samples shows no difference that could be measured here.
 *
 *   node --disable-warning=ExperimentalWarning bench/credential-timing.ts [--samples 20000]
 */
import { parseArgs } from 'node:util'
import { BASE62, utf8 } from '../src/core/bytes.ts'
import type { TenantUid } from '../src/core/ids.ts'
import { Authenticator } from '../src/tenancy/authenticate.ts'
import { issueKey } from '../src/tenancy/issue-key.ts'
import { crc32, newKey, parseKey } from '../src/tenancy/key-format.ts'
import type { KeyStore, StoredKey } from '../src/tenancy/key-store.ts'
import { Sealer } from '../src/tenancy/sealing.ts'

const { values } = parseArgs({ options: { samples: { type: 'string', default: '20000' } } })
const SAMPLES = Number(values.samples)
/** Known keys; enough that none is special. */
const KEYS = 64
const WARM_UP = 2_000
/** What is slower than this share of all samples was interrupted by something else. */
const KEPT = 0.99

const sealer = new Sealer('ab'.repeat(32))
const tenant = { id: 'bench', uid: 'ten_bench' as TenantUid, suspended: false, limits: {} }
const stored = new Map<string, StoredKey>()
const texts: string[] = []
for (let i = 0; i < KEYS; i++) {
  const { key, ...secret } = await issueKey(sealer, 'secret')
  texts.push(key.text)
  stored.set(key.id, {
    ...secret,
    tenant,
    record: {
      id: key.id,
      tenantUid: tenant.uid,
      name: 'bench',
      kind: 'secret',
      scopes: ['search'],
      version: 1,
      createdAtMs: 0,
      updatedAtMs: 0,
      createdBy: 'root',
    },
  })
}
const keys: KeyStore = { findKey: async (id) => stored.get(id), findTenant: async () => tenant }
const authenticator = new Authenticator({ keys, sealer, rootKeyHashes: [], clock: Date.now })

const pick = (): string => texts[Math.floor(Math.random() * KEYS)] ?? ''
/** Ids that were asked for before, as those of real keys were: what is held of both is what is compared. */
const unknownIds = Array.from({ length: KEYS }, () => newKey('secret').id)
const withId = (id: string): string => newKey('secret', id).text
const CLASSES: Readonly<Record<string, () => string>> = {
  'unknown id': () => withId(unknownIds[Math.floor(Math.random() * KEYS)] ?? ''),
  'wrong secret': () => withId(pick().slice(6, 22)),
  'wrong secret with the beginning of the right one': () => rightBeginning(pick()),
  'right key': pick,
}

/** All of a key but its last random character, with a checksum that fits. */
function rightBeginning(text: string): string {
  const body = text.slice(0, -7) + (text.at(-7) === '0' ? '1' : '0')
  let [checksum, rest] = ['', crc32(utf8(body))]
  for (; checksum.length < 6; rest = Math.floor(rest / 62)) checksum = BASE62.charAt(rest % 62) + checksum
  return body + checksum
}

interface Summary {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

async function timed(headers: Headers): Promise<number> {
  const start = performance.now()
  await authenticator.authenticate(headers).catch(() => {})
  return (performance.now() - start) * 1_000
}

/** Mean and variance of the samples, in microseconds, without the slowest. */
function summaryOf(samples: readonly number[]): Summary {
  const kept = samples.toSorted((a, b) => a - b).slice(0, Math.floor(samples.length * KEPT))
  const mean = kept.reduce((sum, sample) => sum + sample, 0) / kept.length
  const variance = kept.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / (kept.length - 1)
  return { count: kept.length, mean, variance }
}

const welch = (a: Summary, b: Summary): number =>
  (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count)

// Made before the clock runs: what making them leaves in caches and on the heap would be timed with them.
const prepared = Object.entries(CLASSES).map(([name, make]) => {
  const credentials = Array.from({ length: SAMPLES + WARM_UP }, () => {
    const text = make()
    if (parseKey(text) === undefined) throw new Error(`${name} is not a key`)
    return new Headers({ authorization: `Bearer ${text}` })
  })
  return { name, credentials, times: [] as number[] }
})
for (let round = 0; round < SAMPLES + WARM_UP; round++) {
  // In an order of its own each time, so that no class always follows the same one.
  for (const { credentials, times } of prepared.toSorted(() => Math.random() - 0.5)) {
    const microseconds = await timed(credentials[round] ?? new Headers())
    if (round >= WARM_UP) times.push(microseconds)
  }
}

const summaries = prepared.map(({ name, times }) => [name, summaryOf(times)] as const)
console.log(`${SAMPLES} samples a class, microseconds, the slowest 1 % left out\n`)
for (const [name, { mean, variance }] of summaries) {
  console.log(`${name.padEnd(50)} mean ${mean.toFixed(2)}  deviation ${Math.sqrt(variance).toFixed(2)}`)
}
console.log()
for (const [index, [name, summary]] of summaries.entries()) {
  for (const [other, second] of summaries.slice(index + 1)) {
    console.log(`t = ${welch(summary, second).toFixed(2).padStart(7)}  ${name} / ${other}`)
  }
}
