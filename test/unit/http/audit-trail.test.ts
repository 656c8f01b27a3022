/** What of a request is told to the audit log, over objects that keep what they hear. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { Problem } from '../../../src/core/problem.ts'
import type { ProblemCode } from '../../../src/core/problem.ts'
import { AuditTrail, inCollection, made, named } from '../../../src/http/audit-trail.ts'
import type { AuditedRequest } from '../../../src/http/audit-trail.ts'
import type { Reply, Route, RouteAudit, RouteRequest } from '../../../src/http/route.ts'
import { ROUTES } from '../../../src/http/routes.ts'
import type { AuditEnd, AuditEntry, AuditPort, Refusal } from '../../../src/tenancy/audit-line.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'

const UID = 'ten_acme' as TenantUid
const KEY_ID = 'K'.repeat(16)

class FakeObject implements AuditPort {
  readonly heard: (['begin', AuditEntry] | ['end', string, AuditEnd] | ['refusal', Refusal])[] = []
  readonly fails: Partial<Record<keyof AuditPort, unknown>> = {}
  readonly #head: string

  constructor(head: string) {
    this.#head = head
  }

  async beginAudit(entry: AuditEntry) {
    if ('beginAudit' in this.fails) throw this.fails.beginAudit
    this.heard.push(['begin', entry])
    return { sequence: 3, hash: this.#head }
  }

  async endAudit(requestId: string, end: AuditEnd) {
    if ('endAudit' in this.fails) throw this.fails.endAudit
    this.heard.push(['end', requestId, end])
    return true
  }

  async recordRefusal(refusal: Refusal) {
    if ('recordRefusal' in this.fails) throw this.fails.recordRefusal
    this.heard.push(['refusal', refusal])
  }
}

interface World {
  readonly trail: AuditTrail
  readonly operator: FakeObject
  readonly tenant: FakeObject
  readonly work: Promise<unknown>[]
  readonly keepAlive: (work: Promise<unknown>) => void
  nowMs: number
}

function makeWorld(): World {
  const [operator, tenant] = [new FakeObject('operator-head'), new FakeObject('tenant-head')]
  const work: Promise<unknown>[] = []
  const world = {
    operator,
    tenant,
    work,
    keepAlive: (more: Promise<unknown>) => void work.push(more),
    nowMs: 1_000_000,
  }
  const trail = new AuditTrail({
    tenantObjects: { of: async (uid) => (uid === undefined ? operator : tenant) },
    catalog: { tenants: { erasableUid: async (id) => (id === 'acme' ? UID : undefined) } },
    clock: () => world.nowMs,
  })
  return Object.assign(world, { trail })
}

const secret = {
  kind: 'secret',
  keyId: KEY_ID,
  scopes: new Set(['admin']),
  tenant: { uid: UID },
} as unknown as Principal
const root: Principal = { kind: 'root', keyId: KEY_ID, scopes: new Set() }

const audited = (principal: Principal, more: Partial<AuditedRequest> & { params?: object } = {}): AuditedRequest => ({
  audit: { action: 'key.create' },
  path: '/v1/keys',
  requestId: 'req_1',
  digest: undefined,
  ...more,
  request: { params: more.params ?? {}, principal } as RouteRequest<string, unknown, unknown>,
})

const reply = (body?: object): Reply => ({ status: 200, ...(body === undefined ? {} : { body }) })
const outcome = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Problem ? error.code : String(error)),
  )

describe('an audited request', () => {
  it('is told before its handler runs, and its end before the answer leaves', async () => {
    const { trail, tenant, operator } = makeWorld()
    const request = audited(secret, {
      digest: Uint8Array.of(1, 255),
      audit: { action: 'key.create', subject: made('key') },
    })
    const answer = await trail.run(request, async () => {
      expect(tenant.heard).toEqual([
        [
          'begin',
          { requestId: 'req_1', actor: { kind: 'secret', keyId: KEY_ID }, action: 'key.create', digest: '01ff' },
        ],
      ])
      return reply({ id: 'x'.repeat(16), name: 'canary' })
    })
    expect(answer.status).toBe(200)
    expect(tenant.heard.slice(1)).toEqual([
      ['end', 'req_1', { outcome: 'done', subject: { type: 'key', id: 'x'.repeat(16) } }],
    ])
    expect(operator.heard).toEqual([])
  })

  it('is refused below 500 and failed above, with the code', async () => {
    for (const [error, end] of [
      [new Problem('conflict'), { outcome: 'refused', code: 'conflict' }],
      [new Problem('overloaded'), { outcome: 'failed', code: 'overloaded' }],
      [new TypeError('bug'), { outcome: 'failed', code: 'internal' }],
    ] as const) {
      const { trail, tenant } = makeWorld()
      const run = trail.run(audited(secret), async () => {
        throw error
      })
      await expect(run).rejects.toBe(error)
      expect(tenant.heard[1]).toEqual(['end', 'req_1', end])
    }
  })

  it('is not done where its beginning cannot be told', async () => {
    const { trail, tenant, operator } = makeWorld()
    tenant.fails.beginAudit = new Error('connection lost')
    let runs = 0
    const handle = async (): Promise<Reply> => {
      runs++
      return reply()
    }
    expect(await outcome(trail.run(audited(secret), handle))).toBe('overloaded')
    const acting = { ...root, tenant: secret.tenant } as Principal
    expect(await outcome(trail.run(audited(acting), handle))).toBe('overloaded')
    // The operator's chain heard of it, and hears that it did not happen.
    expect(operator.heard.map(([what]) => what)).toEqual(['begin', 'end'])
    expect(operator.heard[1]?.[2]).toEqual({ outcome: 'failed', code: 'overloaded' })
    expect(runs).toBe(0)
  })

  it('is answered although its end cannot be told', async () => {
    const { trail, tenant } = makeWorld()
    tenant.fails.endAudit = new Error('connection lost')
    expect(await outcome(trail.run(audited(secret), async () => reply()))).toBe('done')
  })

  it('of an erased tenant is 404 for its own key, and goes on for the root key', async () => {
    const { trail, tenant, operator } = makeWorld()
    tenant.fails.beginAudit = Object.assign(new Error(), { name: 'Problem', code: 'not_found' })
    expect(await outcome(trail.run(audited(secret), async () => reply()))).toBe('not_found')
    const acting = { ...root, tenant: secret.tenant } as Principal
    expect(await outcome(trail.run(audited(acting), async () => reply()))).toBe('done')
    expect(operator.heard.map(([what]) => what)).toEqual(['begin', 'end'])
  })

  it("by the root key stands in the operator's chain, and in the tenant's that it acts for or that the path names", async () => {
    const path = '/v1/tenants/{id}'
    const cases: [AuditedRequest, boolean][] = [
      [audited(root, { path: '/v1/tenants' }), false],
      [audited({ ...root, tenant: secret.tenant } as Principal), true],
      [audited(root, { path, params: { id: 'acme' } }), true],
      [audited(root, { path: `${path}/import`, params: { id: 'acme' } }), true],
      [
        audited({ ...root, tenant: { uid: 'ten_other' } } as unknown as Principal, { path, params: { id: 'none' } }),
        false,
      ],
    ]
    for (const [request, isTold] of cases) {
      const { trail, tenant, operator } = makeWorld()
      await trail.run(request, async () => reply())
      expect(operator.heard.map(([what]) => what)).toEqual(['begin', 'end'])
      expect(tenant.heard.map(([what]) => what)).toEqual(isTold ? ['begin', 'end'] : [])
    }
  })

  it("that erases a tenant leaves the digest of its chain's head with the operator", async () => {
    const erase = {
      audit: { action: 'tenant.erase', endsChain: true },
      path: '/v1/tenants/{id}',
      params: { id: 'acme' },
    } as const
    const { trail, tenant, operator } = makeWorld()
    await trail.run(audited(root, erase), async () => reply())
    expect(operator.heard[1]).toEqual(['end', 'req_1', { outcome: 'done', digest: 'tenant-head' }])
    expect(tenant.heard).toHaveLength(1)
    // While it is not over, the tenant's own chain hears of it, too.
    const busy = async (): Promise<Reply> => {
      throw new Problem('overloaded')
    }
    expect(await outcome(trail.run(audited(root, erase), busy))).toBe('overloaded')
    expect(tenant.heard.slice(1).map(([what]) => what)).toEqual(['begin', 'end'])
    // A tenant that never was has no chain.
    await trail.run(audited(root, { ...erase, params: { id: 'none' } }), async () => reply())
    expect(operator.heard.at(-1)).toEqual(['end', 'req_1', { outcome: 'done' }])
  })

  it('names only what has the form of an id', async () => {
    const subjectOf = async (audit: RouteAudit, params: object, body?: object): Promise<unknown> => {
      const { trail, tenant } = makeWorld()
      const request = audited(secret, { audit, params })
      await trail.run({ ...request, request: { ...request.request, collection: params as never } }, async () =>
        reply(body),
      )
      const [, end] = tenant.heard
      return end?.[0] === 'end' ? end[2].subject?.id : undefined
    }
    const id = 'A1'.repeat(8)
    expect(await subjectOf({ action: 'x.y', subject: named('key') }, { id })).toBe(id)
    expect(await subjectOf({ action: 'x.y', subject: named('webhook') }, { id: `wh_${id}` })).toBe(`wh_${id}`)
    expect(await subjectOf({ action: 'x.y', subject: named('tenant') }, { id: 'acme' })).toBe('acme')
    expect(await subjectOf({ action: 'x.y', subject: inCollection }, { id: `col_${id}` })).toBe(`col_${id}`)
    for (const text of ['', 'my secret', 'acme', `${id}x`, `col_${id} `, 'é'.repeat(16)]) {
      expect(await subjectOf({ action: 'x.y', subject: named('key') }, { id: text })).toBeUndefined()
      expect(await subjectOf({ action: 'x.y', subject: made('key') }, {}, { id: text })).toBeUndefined()
    }
    for (const text of ['Acme Inc.', '../x', '']) {
      expect(await subjectOf({ action: 'x.y', subject: named('tenant') }, { id: text })).toBeUndefined()
    }
    expect(await subjectOf({ action: 'x.y', subject: made('key') }, {})).toBeUndefined()
    expect(await subjectOf({ action: 'x.y' }, {})).toBeUndefined()
  })
})

describe('a refusal', () => {
  const exchange = (code: ProblemCode | undefined, principal: Principal | undefined = secret): object => ({
    requestId: 'req_9',
    ...(code === undefined ? {} : { code }),
    ...(principal === undefined ? {} : { principal }),
  })
  const tell = async (world: World, told: object): Promise<void> => {
    world.trail.tellRefusal(told as never, world.keepAlive)
    await Promise.all(world.work.splice(0))
  }

  it('is told where a known credential met 403 or 429, and nothing else is', async () => {
    const world = makeWorld()
    for (const code of ['forbidden', 'origin_forbidden', 'rate_limited', 'budget_exceeded'] as const) {
      await tell(world, exchange(code))
    }
    const actor = { kind: 'secret', keyId: KEY_ID }
    expect(world.tenant.heard).toEqual(
      ['forbidden', 'origin_forbidden', 'rate_limited', 'budget_exceeded'].map((code) => [
        'refusal',
        { actor, code, requestId: 'req_9', count: 1 },
      ]),
    )
    world.tenant.heard.length = 0
    for (const code of ['unauthorized', 'not_found', 'invalid_request', 'overloaded', undefined] as const) {
      await tell(world, exchange(code))
    }
    await tell(world, { requestId: 'req_9', code: 'forbidden' })
    await tell(world, { ...exchange('tenant_suspended'), isAudited: true })
    expect([...world.tenant.heard, ...world.operator.heard]).toEqual([])
  })

  it("of the root key goes to the operator's chain, and to the tenant's that it acts for", async () => {
    const world = makeWorld()
    await tell(world, exchange('forbidden', root))
    expect([world.operator.heard.length, world.tenant.heard.length]).toEqual([1, 0])
    await tell(world, exchange('forbidden', { ...root, tenant: secret.tenant } as Principal))
    expect([world.operator.heard.length, world.tenant.heard.length]).toEqual([2, 1])
  })

  it('of a credential that has expired says why, and has no request to name', async () => {
    const world = makeWorld()
    const refusal = {
      kind: 'token',
      keyId: KEY_ID,
      tenant: secret.tenant,
      code: 'unauthorized',
      reason: 'expired',
    } as const
    world.trail.credentialRefused(refusal as never, world.keepAlive)
    await Promise.all(world.work)
    expect(world.tenant.heard).toEqual([
      ['refusal', { actor: { kind: 'token', keyId: KEY_ID }, code: 'unauthorized', reason: 'expired', count: 1 }],
    ])
  })

  it('is told once a second, with those between counted', async () => {
    const world = makeWorld()
    for (let i = 0; i < 50; i++) await tell(world, exchange('rate_limited'))
    expect(world.tenant.heard).toHaveLength(1)
    world.nowMs += 999
    await tell(world, exchange('rate_limited'))
    await tell(world, exchange('forbidden'))
    world.nowMs += 1
    await tell(world, exchange('rate_limited'))
    const counts = world.tenant.heard.map((heard) => (heard[0] === 'refusal' ? [heard[1].code, heard[1].count] : []))
    expect(counts).toEqual([
      ['rate_limited', 1],
      ['forbidden', 1],
      ['rate_limited', 51],
    ])
  })

  it('of many keys takes bounded memory: who was told longest ago is forgotten', async () => {
    const world = makeWorld()
    const by = (i: number): object => exchange('forbidden', { ...secret, keyId: `key ${i}` })
    for (let i = 0; i < 1_001; i++) await tell(world, by(i))
    await tell(world, by(1_000))
    await tell(world, by(1))
    expect(world.tenant.heard).toHaveLength(1_001)
    await tell(world, by(0))
    expect(world.tenant.heard).toHaveLength(1_002)
  })

  it('that cannot be told is forgotten', async () => {
    const world = makeWorld()
    world.tenant.fails.recordRefusal = new Error('connection lost')
    await tell(world, exchange('forbidden'))
  })
})

describe('routes', () => {
  /** Changes what the control plane holds, lets something go on by itself, or hands out what opens or carries away data. */
  const mustBeAudited = ({ access, method, path }: Route): boolean => {
    if (path === '/v1/tokens' || path.endsWith('/export')) return true
    if (method === 'get') return false
    if (/\/(?:crawl|sources|sources\/\{id\}|models\/train)$/.test(path)) return true
    return access.kind !== 'key' || (access.anyOf?.includes('collections') ?? false)
  }

  it('that change the control plane are audited, and only those', () => {
    const name = ({ method, path }: Route): string => `${method} ${path}`
    const auditedRoutes = ROUTES.filter(({ audit }) => audit !== undefined)
    expect(auditedRoutes.map(name)).toEqual(ROUTES.filter(mustBeAudited).map(name))
    expect(auditedRoutes.length).toBeGreaterThan(12)
  })

  it('name their actions each by another name of the form that the log is asked by', () => {
    const actions = ROUTES.flatMap(({ audit }) => (audit === undefined ? [] : [audit.action]))
    expect(new Set(actions).size).toBe(actions.length)
    for (const action of actions) expect(action).toMatch(/^[a-z]+\.[a-z_]+$/)
  })

  it('that end a chain are the erasure of a tenant alone', () => {
    const ends = ROUTES.filter(({ audit }) => audit?.endsChain === true)
    expect(ends.map(({ operationId }) => operationId)).toEqual(['deleteTenant'])
  })
})
