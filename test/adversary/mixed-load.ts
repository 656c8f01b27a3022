/**
 * Many tenants at once ask the same things at the same moment, and a part of them hang up before the answer: no answer may
 * hold another tenant's words or be another request's.
 */
import { Canaries } from './canaries.ts'
import { PlantedTenant } from './planted-tenant.ts'
import type { HttpWire } from './http-wire.ts'
import { surfaceOf } from './surface.ts'
import { Dice, inParallel, jsonOf } from './wire.ts'

export interface LoadOptions {
  readonly wire: HttpWire
  readonly rootKey: string
  readonly random: () => number
  readonly tenants: number
  readonly requests: number
  readonly deadlineMs: number
}

export interface LoadReport {
  readonly requests: number
  readonly aborted: number
  readonly withOwnCanary: number
  readonly faults: readonly string[]
}

const ABORTED_SHARE = 0.1
const WIDTH = 24

export async function runMixedLoad(options: LoadOptions): Promise<LoadReport> {
  const { wire, random, rootKey } = options
  const dice = new Dice(random)
  const canaries = new Canaries(dice)
  const tools = { send: wire.send, dice, canaries, rootKey, surface: await surfaceOf(wire.send) }
  const tenants: PlantedTenant[] = []
  for (let i = 0; i < options.tenants; i++) tenants.push(await PlantedTenant.create(tools, `t${i}`))
  const faults: string[] = []
  let [requests, aborted, withOwnCanary] = [0, 0, 0]

  const ask = async (turn: number): Promise<void> => {
    if (Date.now() > options.deadlineMs) return
    const tenant = tenants[turn % tenants.length] ?? dice.pick(tenants)
    const request = requestOf(tenant, dice)
    requests++
    if (dice.chance(ABORTED_SHARE)) {
      await wire.abort(request, dice.below(40))
      aborted++
      return
    }
    const answer = await wire.send(request)
    const found = canaries.foundIn(answer.text)
    const foreign = found.find((canary) => canary.tenant !== tenant.letter)
    if (foreign !== undefined)
      faults.push(`${request.path} of ${tenant.letter} shows ${foreign.tenant}: ${foreign.text}`)
    if (found.some((canary) => canary.tenant === tenant.letter)) withOwnCanary++
    if (answer.status >= 500) faults.push(`${request.path}: ${answer.status}`)
    if (answer.headers['cache-control'] !== 'no-store') faults.push(`${request.path} may be cached`)
    const { requestId } = (jsonOf(answer) ?? {}) as { requestId?: string }
    if (requestId !== undefined && requestId !== answer.headers['x-request-id']) faults.push("another request's answer")
  }
  await inParallel(
    Array.from({ length: options.requests }, (_, i) => i),
    WIDTH,
    ask,
  )
  return { requests, aborted, withOwnCanary, faults: faults.slice(0, 20) }
}

/** The same words for every tenant, so that any cache that forgets whose they are would answer with another's. */
function requestOf(tenant: PlantedTenant, dice: Dice) {
  const collection = tenant.openCollection
  const headers = { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' }
  const post = (path: string, body: object) => ({ method: 'POST', path, headers, body: JSON.stringify(body) })
  switch (dice.below(6)) {
    case 0:
      return post(`/v1/collections/${collection}/answers`, { question: 'Where does the heron nest?' })
    case 1:
      return post('/v1/search', { collections: [collection], query: 'heron weir ferry', facets: ['note'] })
    case 2:
      return { method: 'GET', path: `/v1/collections/${collection}/documents`, headers }
    case 3:
      return { method: 'GET', path: '/v1/keys', headers }
    default:
      return post(`/v1/collections/${collection}/search`, { query: 'heron weir ferry', limit: 5 })
  }
}
