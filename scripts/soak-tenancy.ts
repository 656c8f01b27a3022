/**
 * `npm run soak:tenancy`: attacks a running product for longer than `npm test` does, over HTTP, and prints what was tried.
 * Starts `npm start` on a state folder of its own and removes it. Exits 1 on any fault.
 *
 * Flags: --minutes 60 · --seed 1 · --matrix 100000 · --tokens 100000 · --fuzz 50000 · --load 20000 · --tenants 20 ·
 * --only matrix,tokens,fuzz,load,revocation,schemathesis
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { KEY_SCANNER } from '../src/tenancy/key-format.ts'
import { Canaries, CONTENT_MARK } from '../test/adversary/canaries.ts'
import { forgeTokens, genuineTokens } from '../test/adversary/forged-tokens.ts'
import { runFuzz } from '../test/adversary/fuzz.ts'
import { httpWire } from '../test/adversary/http-wire.ts'
import type { HttpWire } from '../test/adversary/http-wire.ts'
import { runMatrix } from '../test/adversary/matrix.ts'
import { runMixedLoad } from '../test/adversary/mixed-load.ts'
import { ALL_SCOPES, PlantedTenant } from '../test/adversary/planted-tenant.ts'
import { surfaceOf } from '../test/adversary/surface.ts'
import { Dice, inParallel } from '../test/adversary/wire.ts'
import { startServer } from '../test/support/local-server.ts'
import type { LocalServer } from '../test/support/local-server.ts'
import { seededRandom } from '../test/support/seeded-random.ts'

interface Part {
  readonly name: string
  readonly tried: number
  /** What was wanted; fewer is a fault. */
  readonly wanted: number
  readonly faults: readonly string[]
  readonly detail: string
}

interface Soak {
  readonly wire: HttpWire
  readonly server: LocalServer
  readonly rootKey: string
  readonly seed: number
  readonly deadlineMs: number
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    matrix: { type: 'string', default: '100000' },
    tokens: { type: 'string', default: '100000' },
    fuzz: { type: 'string', default: '50000' },
    load: { type: 'string', default: '20000' },
    tenants: { type: 'string', default: '20' },
    only: { type: 'string', default: 'matrix,tokens,fuzz,load,revocation,schemathesis' },
  },
})

const REVOCATIONS = 20
const REVOKED_WITHIN_MS = 10_000
const EXAMPLES = 50

async function plantedTenant({ wire, rootKey, seed }: Soak, letter: string): Promise<PlantedTenant> {
  // Tenants' ids are drawn, too, and stay taken for ever: each part draws others.
  const salt = Number.parseInt(letter.slice(0, 6), 36)
  const dice = new Dice(seededRandom(seed * 7 + salt))
  const surface = await surfaceOf(wire.send)
  return PlantedTenant.create({ send: wire.send, rootKey, dice, surface, canaries: new Canaries(dice) }, letter)
}

async function matrix({ wire, rootKey, seed, deadlineMs }: Soak): Promise<Part> {
  const wanted = Number(values.matrix)
  const random = seededRandom(seed)
  const report = await runMatrix({ send: wire.send, rootKey, random, attempts: wanted, width: 16, deadlineMs })
  const { operations, attackers, comparisons, canaries, statuses, neverSucceeded } = report
  return {
    name: 'matrix',
    tried: report.attempts,
    wanted,
    faults: [...report.faults, ...neverSucceeded.map((id) => `nobody ever succeeded with ${id}`)],
    detail: `${operations} operations × ${attackers} attackers, ${canaries} canaries, ${comparisons} comparisons, ${JSON.stringify(statuses)}`,
  }
}

async function tokens(soak: Soak): Promise<Part> {
  const { wire, seed, deadlineMs } = soak
  const wanted = Number(values.tokens)
  const tenant = await plantedTenant(soak, 'victim')
  const foreign = await plantedTenant(soak, 'foreign')
  const rotated = await tenant.makeKey({ scopes: ALL_SCOPES })
  const current = (await tenant.call('POST', `/v1/keys/${rotated.id}/rotate`, {}, 'root')) as { secret: string }
  const revoked = await tenant.makeKey({ scopes: ['search'] })
  await tenant.call('DELETE', `/v1/keys/${revoked.id}`, undefined, 'root')
  const open = await tenant.makeKey({ kind: 'public', scopes: ['search'], origins: ['https://shop.example'] })
  const world = {
    victim: current.secret,
    foreign: foreign.key,
    publicKey: open.secret,
    revoked: revoked.secret,
    rotatedOut: rotated.secret,
    clock: Date.now,
  }
  const faults: string[] = []
  const ask = async (authorization: string): Promise<number> =>
    (await wire.send({ method: 'GET', path: '/v1/keys/self', headers: { authorization } })).status
  let tried = 0
  let controls = 0
  const lane = async (part: number, count: number): Promise<void> => {
    const genuine = genuineTokens(world, seed + part, Math.ceil(count / 100))
    for await (const { kind, authorization } of forgeTokens(world, seed * 100 + part, count)) {
      if (Date.now() > deadlineMs) return
      // What HTTP itself cannot carry is refused before it leaves.
      if (!/^[\u0020-\u007e]*$/.test(authorization)) continue
      const status = await ask(authorization)
      if (status !== 401) faults.push(`${kind} is answered ${status}`)
      if (++tried % 100 !== 0) continue
      const control = await genuine.next()
      if (control.done === true) continue
      controls++
      const { kind: name, authorization: right } = control.value
      // Some controls are bound to origins and are 403 here; what counts is that they are known.
      if ((await ask(right)) === 401) faults.push(`${name} is refused`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, part) => lane(part, Math.ceil((wanted * 1.1) / 8))))
  return {
    name: 'forged tokens',
    tried,
    wanted,
    faults: faults.slice(0, 20),
    detail: `${controls} genuine ones beside`,
  }
}

async function fuzz({ wire, rootKey, seed, deadlineMs }: Soak): Promise<Part> {
  const wanted = Number(values.fuzz)
  const report = await runFuzz({ send: wire.send, rootKey, seed: seed + 1_000, requests: wanted, deadlineMs })
  return {
    name: 'fuzz',
    tried: report.requests,
    wanted,
    faults: [...report.faults, ...report.neverSucceeded.map((id) => `nobody ever succeeded with ${id}`)],
    detail: `${report.extras} with a member too many, ${JSON.stringify(report.statuses)}`,
  }
}

async function load({ wire, rootKey, seed, deadlineMs }: Soak): Promise<Part> {
  const wanted = Number(values.load)
  const tenants = Number(values.tenants)
  const random = seededRandom(seed + 2_000)
  const report = await runMixedLoad({ wire, rootKey, random, tenants, requests: wanted, deadlineMs })
  const detail = `${tenants} tenants, ${report.aborted} aborted, ${report.withOwnCanary} answers with canaries of their own`
  return { name: 'mixed load', tried: report.requests, wanted, faults: report.faults, detail }
}

/** Revokes keys while they are in use; the time of the last answer that still let one in. */
async function revocation(soak: Soak): Promise<Part> {
  const { wire } = soak
  const tenant = await plantedTenant(soak, 'revoker')
  const faults: string[] = []
  const last: number[] = []
  await inParallel(Array.from({ length: REVOCATIONS }), 4, async () => {
    const { id, secret } = await tenant.makeKey({ scopes: ['search'] })
    const headers = { authorization: `Bearer ${secret}` }
    const ask = async (): Promise<number> => (await wire.send({ method: 'GET', path: '/v1/keys/self', headers })).status
    if ((await ask()) !== 200) faults.push('a new key is refused')
    await tenant.call('DELETE', `/v1/keys/${id}`, undefined, 'root')
    const revokedAt = Date.now()
    let lastMs = 0
    while (Date.now() - revokedAt < REVOKED_WITHIN_MS + 2_000) {
      if ((await ask()) !== 200) break
      lastMs = Date.now() - revokedAt
    }
    if (lastMs > REVOKED_WITHIN_MS) faults.push(`a revoked key was let in after ${lastMs} ms`)
    last.push(lastMs)
  })
  const detail = `last one let in after at most ${Math.max(0, ...last)} ms`
  return { name: 'revocation', tried: last.length, wanted: REVOCATIONS, faults, detail }
}

/** The fuzzer that others know, from the Python index, in an environment of its own. */
async function schemathesis(soak: Soak): Promise<Part> {
  const folder = mkdtempSync(join(tmpdir(), 'nearfield-schemathesis-'))
  const run = (command: string, parameters: string[]) =>
    spawnSync(command, parameters, { cwd: folder, encoding: 'utf8', maxBuffer: 100_000_000 })
  try {
    const installed =
      run('python3', ['-m', 'venv', 'venv']).status === 0 &&
      run('venv/bin/pip', ['install', '--quiet', 'schemathesis']).status === 0
    if (!installed) {
      const faults = ['schemathesis could not be installed (python3 with venv and pip, and a Python index, are needed)']
      return { name: 'schemathesis', tried: 0, wanted: 1, faults, detail: 'not run' }
    }
    const tenant = await plantedTenant(soak, 'schema')
    // Neither can revoke what it calls with: a run that did would only see refusals from there on.
    const key = await tenant.makeKey({ scopes: ALL_SCOPES.filter((scope) => scope !== 'admin') })
    const callers = [
      ['--header', `Authorization: Bearer ${key.secret}`],
      ['--header', `Authorization: Bearer ${soak.rootKey}`, '--header', `Nearfield-Tenant: ${tenant.id}`],
    ]
    let tried = 0
    const faults: string[] = []
    const details: string[] = []
    for (const headers of callers) {
      const { stdout, stderr, status } = run('venv/bin/st', [
        'run',
        `${soak.server.credentials.url}/openapi.json`,
        ...headers,
        '--checks',
        'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance',
        '--max-examples',
        String(EXAMPLES),
        '--seed',
        String(soak.seed),
        '--no-color',
      ])
      tried += Number(/(\d+) generated/.exec(stdout)?.[1] ?? 0)
      if (status !== 0) faults.push(`exit ${status}: ${stdout.slice(-3_000)} ${stderr.slice(-500)}`)
      details.push(/\d+ generated[^\n]*/.exec(stdout)?.[0] ?? '', /[^\n]*only 401\/403[^\n]*/.exec(stdout)?.[0] ?? '')
    }
    return { name: 'schemathesis', tried, wanted: 1, faults, detail: details.join(' · ').replaceAll(/\s+/g, ' ') }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Reads the server's log as it grows, because it is moved away when it is long. */
class LogWatch {
  readonly #path: string
  readonly faults = new Set<string>()
  bytes = 0
  #at = 0
  #rest = ''
  readonly #timer: NodeJS.Timeout

  constructor(path: string) {
    this.#path = path
    this.#timer = setInterval(() => this.read(), 200)
  }

  read(): void {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    if (size < this.#at) this.#at = 0
    if (size === this.#at) return
    const bytes = Buffer.alloc(size - this.#at)
    const file = openSync(this.#path, 'r')
    readSync(file, bytes, 0, bytes.length, this.#at)
    closeSync(file)
    this.#at = size
    this.bytes += bytes.length
    const text = this.#rest + bytes.toString('utf8')
    this.#rest = text.slice(-200)
    if (KEY_SCANNER.test(text)) this.faults.add('a whole key stands in the log')
    if (/eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/.test(text)) this.faults.add('a token stands in the log')
    if (text.includes(CONTENT_MARK)) this.faults.add(`content stands in the log: ${lineWith(text, CONTENT_MARK)}`)
    if (text.includes('"code":"internal"')) this.faults.add(`a fault of the product: ${lineWith(text, '"internal"')}`)
    if (text.includes('"level":"error","event":"deletion"')) this.faults.add(lineWith(text, '"event":"deletion"'))
  }

  stop(): void {
    clearInterval(this.#timer)
    this.read()
  }
}

const lineWith = (text: string, part: string): string =>
  text
    .split('\n')
    .find((line) => line.includes(part))
    ?.slice(0, 500) ?? ''

const PARTS = { matrix, tokens, fuzz, load, revocation, schemathesis } as const

async function main(): Promise<boolean> {
  const started = Date.now()
  const state = mkdtempSync(join(tmpdir(), 'nearfield-soak-'))
  const server = await startServer(state)
  const log = new LogWatch(join(state, 'nearfield.log'))
  const wire = httpWire(server.credentials.url)
  const seed = Number(values.seed)
  const { rootKey } = server.credentials
  const parts: Part[] = []
  try {
    const deadlineMs = started + Number(values.minutes) * 60_000
    for (const name of values.only.split(',') as (keyof typeof PARTS)[]) {
      const begun = Date.now()
      const part = await PARTS[name]({ wire, server, rootKey, seed, deadlineMs }).catch((error: unknown) => ({
        name,
        tried: 0,
        wanted: 1,
        faults: [`it ended early: ${error instanceof Error ? error.message : String(error)}`],
        detail: '',
      }))
      parts.push(part)
      console.log(
        `${part.name}: ${part.tried} in ${Math.round((Date.now() - begun) / 1_000)} s, ${part.faults.length} faults`,
      )
    }
    log.stop()
    const detail = `${wire.credentials.size} credentials were sent`
    parts.push({ name: 'bytes of log', tried: log.bytes, wanted: 1, faults: [...log.faults], detail })
  } finally {
    log.stop()
    wire.close()
    await server.stop()
    rmSync(state, { recursive: true, force: true })
  }
  return summarise(parts, seed, started)
}

function summarise(parts: readonly Part[], seed: number, started: number): boolean {
  console.log(`\nSeed ${seed}, ${Math.round((Date.now() - started) / 60_000)} minutes\n`)
  console.log(`| what | tried | wanted | faults | detail |\n| --- | ---: | ---: | ---: | --- |`)
  for (const { name, tried, wanted, faults, detail } of parts) {
    console.log(`| ${name} | ${tried} | ${wanted} | ${faults.length} | ${detail} |`)
  }
  for (const { name, faults } of parts) for (const fault of faults) console.log(`\n${name}: ${fault}`)
  const short = parts.filter(({ tried, wanted }) => tried < wanted)
  for (const { name, tried, wanted } of short) console.log(`\n${name}: only ${tried} of ${wanted} in the time allowed`)
  return short.length === 0 && parts.every(({ faults }) => faults.length === 0)
}

process.exitCode = (await main()) ? 0 : 1
