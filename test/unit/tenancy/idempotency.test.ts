/** `Idempotency-Key` as the Worker uses it, over the real store on `node:sqlite`, with time that the test moves. */
import { beforeEach, describe, expect, it } from 'vitest'
import { hex, sha256, utf8 } from '../../../src/core/bytes.ts'
import { asProblem, Problem } from '../../../src/core/problem.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { parseIdempotencyKey, runIdempotent } from '../../../src/tenancy/idempotency.ts'
import type { Answer, IdempotentRequest } from '../../../src/tenancy/idempotency.ts'
import type { ReplayPort } from '../../../src/tenancy/replay-port.ts'
import { REPLAY_LEASE_MS, ReplayStore } from '../../../src/tenancy/replay-store.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { FakeTime, until } from '../../support/fake-timer.ts'

const SEALER = new Sealer('ab'.repeat(32))
const REQUEST: IdempotentRequest = {
  method: 'POST',
  path: '/v1/keys',
  key: 'key-1',
  bodyDigest: await sha256(utf8('{"name":"a"}')),
  rights: 'r1',
}
const OTHER_DIGEST = await sha256(utf8('{"name":"b"}'))
const CREATED: Answer = { status: 201, headers: { location: '/v1/keys/1' }, body: '{"id":"1"}' }

let time: FakeTime
let database: NodeSqlDatabase
let port: ReplayPort & { calls: string[]; failing: Set<string> }

beforeEach(() => {
  time = new FakeTime()
  database = new NodeSqlDatabase()
  applyMigrations(database, ReplayStore.migrations)
  port = portOver(new ReplayStore(database))
})

/** The tenant's object without an object; any call can be made to fail as a broken connection does. */
function portOver(store: ReplayStore): typeof port {
  const calls: string[] = []
  const failing = new Set<string>()
  const call = async <T>(name: string, work: () => T): Promise<T> => {
    calls.push(name)
    if (failing.has(name)) throw new Error('Network connection lost')
    return work()
  }
  return {
    calls,
    failing,
    beginReplay: (lookup, fingerprint) => call('begin', () => store.begin(lookup, fingerprint, time.clock())),
    renewReplay: (lookup, lease) => call('renew', () => store.renew(lookup, lease, time.clock())),
    finishReplay: (lookup, lease, answer) => call('finish', () => store.finish(lookup, lease, answer, time.clock())),
    dropReplay: (lookup, lease) => call('drop', () => store.drop(lookup, lease)),
  }
}

const ask = (run: (operationId: string) => Promise<Answer>, change: Partial<IdempotentRequest> = {}, sealer = SEALER) =>
  runIdempotent({ replays: port, sealer, timer: time.timer }, { ...REQUEST, ...change }, run)

const answer = (given: Answer) => async (): Promise<Answer> => given
const never = async (): Promise<Answer> => {
  throw new Error('must not run')
}
const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? error,
  )

describe('the same request again', () => {
  it('gets status, headers and body as they were, and runs nothing', async () => {
    expect(await ask(answer(CREATED))).toEqual({ ...CREATED, replayed: false })
    expect(await ask(never)).toEqual({ ...CREATED, replayed: true })
    expect(port.calls).toEqual(['begin', 'finish', 'begin'])
    expect(time.armed).toBe(0)
  })

  it('gets no secret', async () => {
    const shown = { ...CREATED, body: '{"secret":"s3cr3t"}', replayBody: '{"secretShown":false}' }
    expect((await ask(answer(shown))).body).toBe(shown.body)
    expect((await ask(never)).body).toBe('{"secretShown":false}')
  })

  it('gets a refusal again too', async () => {
    const refused = {
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
      body: '{"code":"conflict"}',
    }
    await ask(answer(refused))
    expect(await ask(never)).toEqual({ ...refused, replayed: true })
  })

  it('gets an answer of several megabytes', async () => {
    const long = { ...CREATED, body: 'ж'.repeat(1_500_000) }
    await ask(answer(long))
    expect((await ask(never)).body === long.body).toBe(true)
    expect(database.get('SELECT count(*) AS n, max(length(sealed)) AS bytes FROM replay_pieces')).toEqual({
      n: 4,
      bytes: 1_000_000,
    })
  })

  it('runs again where the answer is too long to be kept', async () => {
    const huge = { ...CREATED, body: 'x'.repeat(16_000_001) }
    await ask(answer(huge))
    expect((await ask(answer(CREATED))).replayed).toBe(false)
  })

  it('runs again, as the same operation, after a 5xx, a 429 or a bug', async () => {
    const operations: string[] = []
    for (const status of [500, 503, 429]) {
      await ask(async (operation) => {
        operations.push(operation)
        return { ...CREATED, status }
      })
    }
    const bug = ask(async (operation) => {
      operations.push(operation)
      throw new Error('bug')
    })
    await expect(bug).rejects.toThrow('bug')
    await ask(async (operation) => {
      operations.push(operation)
      return CREATED
    })
    expect(operations).toHaveLength(5)
    expect(new Set(operations).size).toBe(1)
    expect((await ask(never)).replayed).toBe(true)
  })
})

describe('another request', () => {
  it.each<[string, Partial<IdempotentRequest>]>([
    ['body', { bodyDigest: OTHER_DIGEST }],
    ['query', { query: 'x=1' }],
    ['rights', { rights: 'r2' }],
  ])('with the same key and another %s is refused', async (_, change) => {
    await ask(answer(CREATED))
    expect(await codeOf(ask(never, change))).toBe('idempotency_key_reused')
  })

  it.each<[string, Partial<IdempotentRequest>]>([
    ['key', { key: 'key-2' }],
    ['path', { path: '/v1/tenants' }],
    ['method', { method: 'PUT' }],
  ])('with another %s runs', async (_, change) => {
    await ask(answer(CREATED))
    expect((await ask(answer({ ...CREATED, status: 200 }), change)).replayed).toBe(false)
  })

  it('is never taken for one whose parts are cut elsewhere', async () => {
    await ask(answer(CREATED), { method: 'POST', path: '/a', key: '/b' })
    expect((await ask(answer(CREATED), { method: 'POST', path: '/a/b', key: '' })).replayed).toBe(false)
    expect((await ask(answer(CREATED), { method: 'POST/a', path: '', key: '/b' })).replayed).toBe(false)
  })
})

describe('two of the same at once', () => {
  it('one runs, the other is told to come back', async () => {
    const gate = Promise.withResolvers<Answer>()
    let isRunning = false
    const first = ask(() => {
      isRunning = true
      return gate.promise
    })
    await until(() => isRunning)
    const error = asProblem(await ask(never).catch((thrown: unknown) => thrown))
    expect([error?.code, error?.retryAfterSeconds]).toEqual(['request_in_flight', 1])
    gate.resolve(CREATED)
    expect((await first).replayed).toBe(false)
    expect((await ask(never)).replayed).toBe(true)
  })

  it('stay apart for as long as the first one works', async () => {
    const gate = Promise.withResolvers<Answer>()
    let isRunning = false
    const first = ask(() => {
      isRunning = true
      return gate.promise
    })
    await until(() => isRunning)
    for (let i = 0; i < 10; i++) {
      await time.advance(REPLAY_LEASE_MS - 1_000)
      expect(await codeOf(ask(never))).toBe('request_in_flight')
    }
    gate.resolve(CREATED)
    await first
    expect(time.armed).toBe(0)
  })

  it('the second takes over when the first one died, and only its answer counts', async () => {
    const gate = Promise.withResolvers<Answer>()
    const operations: string[] = []
    port.failing.add('renew')
    const slow = ask((operation) => {
      operations.push(operation)
      return gate.promise
    })
    await until(() => operations.length === 1)
    await time.advance(REPLAY_LEASE_MS)
    await ask(async (operation) => {
      operations.push(operation)
      return CREATED
    })
    expect(operations[1]).toBe(operations[0])
    gate.resolve({ ...CREATED, body: 'late' })
    expect(await codeOf(slow)).toBe('request_in_flight')
    expect((await ask(never)).body).toBe(CREATED.body)
  })
})

describe('when the record cannot be kept', () => {
  it('nothing runs where it cannot be begun', async () => {
    port.failing.add('begin')
    expect(await codeOf(ask(never))).toBe('overloaded')
  })

  it('nothing is acknowledged where it cannot be finished', async () => {
    port.failing.add('finish')
    expect(await codeOf(ask(answer(CREATED)))).toBe('overloaded')
    port.failing.clear()
    expect((await ask(answer(CREATED))).replayed).toBe(false)
  })

  it('the fault of the request wins over the fault of the record', async () => {
    port.failing.add('drop')
    await expect(ask(async () => Promise.reject(new Error('bug')))).rejects.toThrow('bug')
    await time.advance(REPLAY_LEASE_MS)
    expect((await ask(answer(CREATED))).replayed).toBe(false)
  })

  it('a problem of the object is passed on', async () => {
    port.beginReplay = async () => {
      throw new Problem('not_found')
    }
    expect(await codeOf(ask(never))).toBe('not_found')
  })
})

describe('the record', () => {
  it('shows neither key, path, body nor answer', async () => {
    await ask(answer({ ...CREATED, body: 'visible canary' }), {
      key: 'key canary',
      path: '/canary',
      bodyDigest: await sha256(utf8('body canary')),
    })
    const rows = [
      ...database.all('SELECT * FROM replay_records'),
      ...database.all<{ sealed: Uint8Array }>('SELECT * FROM replay_pieces'),
    ]
    const bytes = JSON.stringify(rows, (_, value: unknown) =>
      value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
    )
    expect(rows).toHaveLength(2)
    expect(bytes).not.toContain('canary')
  })

  it('does not open with the sealing key alone', async () => {
    await ask(answer(CREATED))
    const row = database.get<{ lookup: string; sealed: Uint8Array<ArrayBuffer> }>('SELECT * FROM replay_pieces')
    expect(await SEALER.open(row!.sealed, row!.lookup)).toBeUndefined()
    expect(hex(row!.sealed.slice(0, 1))).toBe('01')
  })

  it('is of no use under another sealing key', async () => {
    await ask(answer(CREATED))
    expect(await codeOf(ask(never, {}, new Sealer('cd'.repeat(32))))).toBe('idempotency_key_reused')
  })

  it('is of no use once it was damaged, or put in the place of another', async () => {
    await ask(answer(CREATED))
    await ask(answer({ ...CREATED, body: 'of another' }), { key: 'key-2' })
    const [first, second] = database.all<{ lookup: string }>('SELECT lookup FROM replay_pieces ORDER BY rowid')
    const move =
      'UPDATE replay_pieces SET sealed = (SELECT sealed FROM replay_pieces WHERE lookup = ?) WHERE lookup = ?'
    database.run(move, second!.lookup, first!.lookup)
    expect(await codeOf(ask(never))).toBe('idempotency_key_reused')
    expect((await ask(never, { key: 'key-2' })).body).toBe('of another')
    database.run('UPDATE replay_pieces SET sealed = zeroblob(length(sealed)) WHERE lookup = ?', second!.lookup)
    expect(await codeOf(ask(never, { key: 'key-2' }))).toBe('idempotency_key_reused')
  })
})

describe('the header', () => {
  it('is 1 to 255 printable ASCII characters, or absent', () => {
    expect(parseIdempotencyKey(null)).toBeUndefined()
    expect(parseIdempotencyKey(undefined)).toBeUndefined()
    for (const fine of ['a', '~!@ "', 'x'.repeat(255)]) expect(parseIdempotencyKey(fine)).toBe(fine)
    for (const bad of ['', 'x'.repeat(256), 'é', 'a\tb', 'a\u007f'])
      expect(() => parseIdempotencyKey(bad)).toThrow('Idempotency-Key')
  })
})
