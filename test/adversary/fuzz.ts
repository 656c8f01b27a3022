/**
 * The fuzzer: good requests from the schemas of the OpenAPI document, then up to three things done to them. Every request
 * comes from its own seed; a fault is sent again with fewer mutations until none can be spared.
 */
import { PROBLEMS } from '../../src/core/problem.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { SHOWS_DELETED } from './attempts.ts'
import { contentTypeOf, validBody, validQuery } from './bodies.ts'
import { Canaries } from './canaries.ts'
import { valueFor } from './generate.ts'
import type { Json } from './generate.ts'
import { propertiesOf, resolved } from './json-schema.ts'
import { FORBIDDEN_MEMBERS, mutate, requestOf } from './mutations.ts'
import type { Draft } from './mutations.ts'
import { PlantedTenant } from './planted-tenant.ts'
import { answerFaults, codeOf, destroys, filledPath, isForOperator, isSafe, surfaceOf } from './surface.ts'
import type { Operation, Surface } from './surface.ts'
import { describeRequest, Dice, inParallel, jsonOf } from './wire.ts'
import type { Send, WireAnswer, WireRequest } from './wire.ts'

export interface FuzzOptions {
  readonly send: Send
  readonly rootKey: string
  readonly seed: number
  readonly requests: number
  readonly width?: number
  readonly deadlineMs?: number
}

export interface FuzzReport {
  readonly requests: number
  readonly faults: readonly string[]
  readonly statuses: Readonly<Record<string, number>>
  readonly neverSucceeded: readonly string[]
  /** Requests that differed from a good one by one member that nobody documented. */
  readonly extras: number
}

const MAX_FAULTS = 30
const MAX_MUTATIONS = 3
/** Busy, by the server's own word. */
const BUSY = 503

interface Case {
  readonly operation: Operation
  readonly seed: number
  readonly mutations: readonly number[]
  /** Only a member too many: the answer must be 400 and name it. */
  readonly extra?: string
}

export async function runFuzz(options: FuzzOptions): Promise<FuzzReport> {
  const dice = new Dice(seededRandom(options.seed))
  const surface = await surfaceOf(options.send)
  const tools = { ...options, dice, canaries: new Canaries(dice), surface }
  const fuzzer = new Fuzzer(options, surface, await PlantedTenant.create(tools, 'f'))
  await fuzzer.run(dice)
  return fuzzer.report()
}

class Fuzzer {
  readonly #options: FuzzOptions
  readonly #surface: Surface
  readonly #tenant: PlantedTenant
  readonly #faults: string[] = []
  readonly #kinds = new Set<string>()
  readonly #statuses = new Map<string, number>()
  readonly #succeeded = new Set<string>()
  #requests = 0
  #extras = 0

  constructor(options: FuzzOptions, surface: Surface, tenant: PlantedTenant) {
    this.#options = options
    this.#surface = surface
    this.#tenant = tenant
  }

  async run(dice: Dice): Promise<void> {
    const { requests, width = 6, deadlineMs = Infinity } = this.#options
    const cases = Array.from({ length: requests }, (_, i) => this.#caseOf(i, dice))
    // Spare things are shared, so what may destroy them goes one after the other.
    const safe = cases.filter(({ operation }) => isSafe(operation))
    const rest = cases.filter(({ operation }) => !isSafe(operation))
    const attempt = async (tried: Case): Promise<void> => {
      if (Date.now() < deadlineMs) await this.#try(tried)
    }
    await Promise.all([inParallel(safe, width, attempt), inParallel(rest, 1, attempt)])
  }

  report(): FuzzReport {
    return {
      requests: this.#requests,
      faults: this.#faults,
      statuses: Object.fromEntries([...this.#statuses].sort(([a], [b]) => a.localeCompare(b))),
      neverSucceeded: this.#surface.operations.map(({ id }) => id).filter((id) => !this.#succeeded.has(id)),
      extras: this.#extras,
    }
  }

  #caseOf(index: number, dice: Dice): Case {
    const { operations } = this.#surface
    const next = operations[index % operations.length] ?? dice.pick(operations)
    // There is little to say in a DELETE, and what it destroys has to be made again; reading a whole chain takes long.
    const isRare = next.method === 'DELETE' || ['verifyAudit', 'exportTenant', 'cancelJob'].includes(next.id)
    const operation = isRare && dice.chance(0.85) ? dice.pick(operations.slice(0, 18)) : next
    const seed = this.#options.seed * 1_000_003 + index
    const isExtra = operation.body?.mediaType === 'application/json' && dice.chance(0.1)
    if (isExtra) return { operation, seed, mutations: [], extra: dice.pick(FORBIDDEN_MEMBERS) }
    return { operation, seed, mutations: Array.from({ length: dice.below(MAX_MUTATIONS + 1) }, (_, i) => seed * 7 + i) }
  }

  async #try(tried: Case): Promise<void> {
    const { request, answer, faults } = await this.#send(tried)
    if (answer.status < 300) this.#succeeded.add(tried.operation.id)
    const [fault] = faults
    if (fault === undefined || this.#faults.length >= MAX_FAULTS) return
    const kind = `${tried.operation.id} ${fault.slice(0, 60)}`
    if (this.#kinds.has(kind)) return
    this.#kinds.add(kind)
    const smallest = await this.#shrink(tried, request)
    this.#faults.push(
      `${fault} · ${tried.operation.id}, seed ${tried.seed}, mutations ${smallest.count} · ` +
        `${describeRequest(smallest.request)} → ${answer.status} ${answer.text.slice(0, 200)}`,
    )
  }

  /** Leaves out what the fault does not need. */
  async #shrink(tried: Case, request: WireRequest): Promise<{ request: WireRequest; count: number }> {
    let smallest = { request, count: tried.mutations.length }
    let { mutations } = tried
    for (const candidate of tried.mutations) {
      const fewer = mutations.filter((mutation) => mutation !== candidate)
      const again = await this.#send({ ...tried, mutations: fewer })
      if (again.faults.length === 0) continue
      mutations = fewer
      smallest = { request: again.request, count: fewer.length }
    }
    return smallest
  }

  async #send(tried: Case): Promise<{ request: WireRequest; answer: WireAnswer; faults: string[] }> {
    const request = requestOf(tried.operation.method, await this.#draft(tried))
    const answer = await this.#options.send(request)
    this.#requests++
    this.#statuses.set(String(answer.status), (this.#statuses.get(String(answer.status)) ?? 0) + 1)
    if (answer.status < 300 && destroys(tried.operation)) this.#tenant.spend(tried.operation)
    return { request, answer, faults: this.#faultsOf(tried, answer) }
  }

  async #draft({ operation, seed, mutations, extra }: Case): Promise<Draft> {
    const dice = new Dice(seededRandom(seed))
    const { rootKey } = this.#options
    const tenant = this.#tenant
    const segments = isSafe(operation)
      ? operation.places.map(
          (place) => tenant.places.get(place)?.[SHOWS_DELETED.has(operation.id) ? 'deleted' : 'own'] ?? 'x',
        )
      : await tenant.spareSegments(operation)
    const body = this.#body(operation, dice, mutations.length === 0)
    const draft: Draft = {
      path: filledPath(operation.path, segments) + validQuery(operation, dice),
      headers: {
        authorization: `Bearer ${isForOperator(operation) ? rootKey : tenant.key}`,
        ...(body === undefined ? {} : { 'content-type': contentTypeOf(operation) }),
      },
      ...(body === undefined ? {} : typeof body === 'string' ? { text: body } : { body }),
    }
    for (const mutation of mutations) mutate(draft, new Dice(seededRandom(mutation)))
    if (extra !== undefined) withMember(draft.body, extra)
    return draft
  }

  #body({ body, ...operation }: Operation, dice: Dice, isPlain: boolean): Json | undefined {
    if (body === undefined) return undefined
    const names = { dice, query: 'heron', collection: this.#tenant.openCollection, document: `doc-${dice.letters(4)}` }
    const valid = validBody({ ...operation, body }, names) as Json
    if (isPlain || dice.chance(0.4) || typeof valid === 'string') return valid
    return valueFor(body.schema, this.#surface.components, dice)
  }

  #faultsOf({ operation, extra }: Case, answer: WireAnswer): string[] {
    const isBusy = answer.status === BUSY && answer.headers['retry-after'] !== undefined
    const faults = answerFaults(this.#surface, operation, answer).filter(
      (fault) => !(isBusy && fault.startsWith('the status')),
    )
    const code = codeOf(answer)
    if (answer.status >= 400 && (code === undefined || !(code in PROBLEMS)))
      faults.push(`the code is ${code ?? 'missing'}`)
    if (answer.status === 401) faults.push('a live credential is 401')
    if (extra !== undefined) faults.push(...this.#extraFaults(operation, extra, answer))
    return faults
  }

  /** A member that the schema does not list is refused by name, wherever the schema lists members at all. */
  #extraFaults(operation: Operation, extra: string, answer: WireAnswer): string[] {
    this.#extras++
    const { components } = this.#surface
    const schema = resolved(operation.body?.schema ?? {}, components)
    if (extra in propertiesOf(schema, components) && Object.hasOwn(propertiesOf(schema, components), extra)) return []
    const { errors = [] } = (jsonOf(answer) ?? {}) as { errors?: { pointer: string }[] }
    const isNamed = errors.some(({ pointer }) => pointer === `/${extra}`)
    return answer.status === 400 && isNamed ? [] : [`the member ${extra} was not refused by name`]
  }
}

function withMember(body: Json | undefined, name: string): void {
  if (typeof body !== 'object' || body === null) return
  Object.defineProperty(body, name, { value: 'acme', enumerable: true, configurable: true, writable: true })
}
