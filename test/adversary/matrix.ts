/**
 * Runs the matrix and judges every answer: no foreign canary, no sign by which a foreign thing differs from an absent one,
 * refusals in their order, answers as documented. Faults are collected with the request that shows them.
 */
import { aimed, attemptsOf, isAbsent, placesOfRequest } from './attempts.ts'
import type { Attempt } from './attempts.ts'
import { Canaries } from './canaries.ts'
import { PlantedTenant } from './planted-tenant.ts'
import type { PlantingTools } from './planted-tenant.ts'
import { attackersOf } from './principals.ts'
import type { Attacker } from './principals.ts'
import { answerFaults, codeOf, destroys, isForOperator, isForRoot, surfaceOf } from './surface.ts'
import type { Surface } from './surface.ts'
import { describeRequest, Dice, inParallel } from './wire.ts'
import type { Send, WireAnswer, WireRequest } from './wire.ts'

export interface MatrixOptions {
  readonly send: Send
  readonly rootKey: string
  /** In [0, 1). */
  readonly random: () => number
  /** Rounds go on until so many requests were sent. */
  readonly attempts: number
  readonly width?: number
  /** Stops early, for a soak with a limit. */
  readonly deadlineMs?: number
}

export interface MatrixReport {
  readonly attempts: number
  readonly operations: number
  readonly attackers: number
  readonly faults: readonly string[]
  /** Operations that nobody ever succeeded with: their refusals prove nothing. */
  readonly neverSucceeded: readonly string[]
  readonly statuses: Readonly<Record<string, number>>
  /** Pairs of answers, one for an absent thing, that were compared. */
  readonly comparisons: number
  readonly canaries: number
}

interface Seen {
  readonly signature: string
  readonly request: WireRequest
}

const MAX_FAULTS = 40
/** They differ from answer to answer and tell nothing of the thing. */
const VOLATILE = /^(date|server-timing|x-request-id|ratelimit|cf-ray|connection|keep-alive|retry-after)$/

export async function runMatrix(options: MatrixOptions): Promise<MatrixReport> {
  const dice = new Dice(options.random)
  const canaries = new Canaries(dice)
  const surface = await surfaceOf(options.send)
  const tools: PlantingTools = { ...options, dice, canaries, surface }
  const own = await PlantedTenant.create(tools, 'a')
  const foreign = await PlantedTenant.create(tools, 'b')
  const suspended = await PlantedTenant.create(tools, 'c')
  const attackers = await attackersOf({ ...options, surface, own, foreign, suspended })
  const before = [await own.snapshot(), await foreign.snapshot()]
  const run = new MatrixRun(options, {
    surface,
    canaries,
    dice,
    own,
    foreign,
    tenants: [own, foreign, suspended],
  })
  // The first round is always whole; later ones end when there were enough.
  while (!run.isEnough && !run.isLate) await run.round(attackers)
  const after = [await own.snapshot(), await foreign.snapshot()]
  for (const [i, text] of before.entries())
    if (text !== after[i]) run.fault(`planted things changed: ${difference(text, after[i] ?? '')}`)
  return {
    attempts: run.attempts,
    operations: surface.operations.length,
    attackers: attackers.length,
    faults: run.faults,
    neverSucceeded: surface.operations.map(({ id }) => id).filter((id) => !run.succeeded.has(id)),
    statuses: Object.fromEntries([...run.statuses].sort(([a], [b]) => a.localeCompare(b))),
    comparisons: run.comparisons,
    canaries: canaries.all().length,
  }
}

const difference = (before: string, after: string): string => {
  const kept = new Set(after.split('\n'))
  return (
    before
      .split('\n')
      .find((line) => !kept.has(line))
      ?.slice(0, 600) ?? 'something was added'
  )
}

interface Field {
  readonly surface: Surface
  readonly canaries: Canaries
  readonly dice: Dice
  readonly own: PlantedTenant
  readonly foreign: PlantedTenant
  readonly tenants: readonly PlantedTenant[]
}

class MatrixRun {
  attempts = 0
  comparisons = 0
  readonly faults: string[] = []
  readonly succeeded = new Set<string>()
  readonly statuses = new Map<string, number>()
  readonly #options: MatrixOptions
  readonly #field: Field
  /** Everything planted that somebody may not see, as words of one query. */
  readonly #query: string
  readonly #kindsOfFaults = new Set<string>()
  #seen = new Map<string, Seen>()
  #rounds = 0

  constructor(options: MatrixOptions, field: Field) {
    this.#options = options
    this.#field = field
    const sought = field.canaries.all().filter(({ kind }) => kind === 'content')
    this.#query = `heron weir ferry ${sought
      .slice(0, 150)
      .map(({ text }) => text)
      .join(' ')}`
  }

  get isLate(): boolean {
    return Date.now() > (this.#options.deadlineMs ?? Infinity)
  }

  get isEnough(): boolean {
    return this.attempts >= this.#options.attempts
  }

  /** Keeps one example of each kind of fault. */
  fault(text: string, kind = text): void {
    if (this.faults.length >= MAX_FAULTS || this.#kindsOfFaults.has(kind)) return
    this.#kindsOfFaults.add(kind)
    this.faults.push(text)
  }

  async round(attackers: readonly Attacker[]): Promise<void> {
    this.#seen = new Map()
    this.#rounds++
    const { surface } = this.#field
    const destructive: Attempt[] = []
    const rest: Attempt[] = []
    for (const attempt of attemptsOf(surface.operations, attackers)) {
      if (attempt.isDestructive) destructive.push(attempt)
      else rest.push(attempt)
    }
    await inParallel(rest, this.#options.width ?? 8, (attempt) => this.#make(attempt))
    // One after the other: they share the spare things that they destroy.
    for (const attempt of destructive) if (!this.isLate) await this.#make(attempt)
  }

  async #make(attempt: Attempt): Promise<void> {
    if (this.isLate || (this.#rounds > 1 && this.isEnough)) return
    const { operation, attacker } = attempt
    const { own, foreign, dice } = this.#field
    const spares = attempt.isDestructive ? await attacker.tenant.spareSegments(operation) : undefined
    const other = attacker.tenant === foreign ? own : foreign
    const serial = ++this.attempts
    const { request, named } = aimed(attempt, other, { dice, query: this.#query, serial }, spares)
    const answer = await this.#options.send(request)
    this.#judge(attempt, request, answer, named)
    if (answer.status < 300) {
      this.succeeded.add(operation.id)
      if (attempt.isDestructive && destroys(operation)) attacker.tenant.spend(operation)
    }
  }

  #judge(attempt: Attempt, request: WireRequest, answer: WireAnswer, named: readonly string[]): void {
    const { operation, attacker, kinds, manner } = attempt
    const report = (what: string): void =>
      this.fault(
        `${what} · ${operation.id} by ${attacker.name} with ${kinds.join(', ') || 'no id'} (${manner}) · ` +
          `${describeRequest(request)} → ${answer.status} ${answer.text.slice(0, 300)}`,
        `${what.slice(0, 40).replace(/kanar[a-z]+/, '')} ${operation.id} ${attacker.name}`,
      )
    this.statuses.set(String(answer.status), (this.statuses.get(String(answer.status)) ?? 0) + 1)
    for (const leak of this.#leaks(attempt, request, answer)) report(leak)
    if (manner === 'head') {
      if (answer.text !== '') report('HEAD answers a body')
    } else {
      for (const fault of answerFaults(this.#field.surface, operation, answer)) report(fault)
    }
    if (answer.status === 429) report('the matrix was rate-limited and measured nothing')
    for (const fault of this.#orderFaults(attempt, answer)) report(fault)
    const difference = this.#differs(attempt, request, answer, named)
    if (difference !== undefined) report(difference)
  }

  #leaks({ attacker, operation }: Attempt, { path, body }: WireRequest, { headers, text }: WireAnswer): string[] {
    // An export is all of the tenant that it names, for the operator alone.
    const exported = attacker.isRoot && operation.path.endsWith('/export') ? this.#field.tenants : []
    const open = exported.find(({ id }) => path.includes(id))?.letter
    const everything = `${text}\n${Object.entries(headers).flat().join('\n')}`
    return this.#field.canaries.foundIn(everything).flatMap((canary) => {
      const wasSent = canary.kind === 'handle' && (path.includes(canary.text) || String(body).includes(canary.text))
      if (wasSent || attacker.mayAsk(canary) || canary.tenant === open) return []
      return [`LEAK of ${canary.kind} ${canary.text} of tenant ${canary.tenant}, zone ${canary.zone}`]
    })
  }

  /** 401 and 403 come before anything is said of the request, and the request's faults before what exists. */
  #orderFaults({ operation, attacker, kinds, manner }: Attempt, answer: WireAnswer): string[] {
    const { status } = answer
    const code = manner === 'head' ? undefined : codeOf(answer)
    if (operation.isPublic) return []
    if (attacker.refused !== undefined) {
      const { refused } = attacker
      const isRight = status === refused.status && (code === undefined || code === refused.code)
      return isRight ? [] : [`should be ${refused.status} ${refused.code}`]
    }
    const faults: string[] = []
    if (status === 401) faults.push('a live credential is 401')
    if (status !== 403 && (attacker.isRoot ? !isForRoot(operation) : isForOperator(operation))) {
      faults.push('should be 403: this kind of credential does not reach the route')
    }
    const places = placesOfRequest(operation)
    const isNothing = kinds.some((kind, i) => isAbsent(kind, places[i] ?? '', attacker, operation))
    if (isNothing && status < 300 && operation.id !== 'deleteDocuments')
      faults.push('what is not there answers success')
    if (kinds.includes('malformed') && status < 400 && operation.id !== 'deleteDocuments') {
      faults.push('a malformed id answers success')
    }
    if (manner === 'broken' && ![400, 403, 415].includes(status)) {
      // Malformed ids may be seen on the way.
      if (!(status === 404 && kinds.includes('malformed'))) faults.push('a broken request is neither 403 nor 400')
    }
    return faults
  }

  /** Remembers the first answer of each class and compares the others with it, byte for byte. */
  #differs(attempt: Attempt, request: WireRequest, answer: WireAnswer, named: readonly string[]): string | undefined {
    const { operation, attacker, kinds, manner } = attempt
    if (kinds.includes('malformed')) return undefined
    const places = placesOfRequest(operation)
    const firstAbsent = kinds.findIndex((kind, i) => isAbsent(kind, places[i] ?? '', attacker, operation))
    // A broken request is answered without a look at what exists, so all of them are one class.
    if (manner !== 'broken' && attacker.refused === undefined && firstAbsent === -1) return undefined
    const kind = manner === 'broken' || attacker.refused !== undefined ? 'any' : `absent from ${firstAbsent}`
    const group = `${operation.id}|${attacker.name}|${manner}|${kind}`
    const signature = signatureOf(answer, named)
    const first = this.#seen.get(group)
    if (first === undefined) this.#seen.set(group, { signature, request })
    else {
      this.comparisons++
      if (first.signature !== signature) {
        return `DIFFERS from ${first.request.method} ${first.request.path}: ${first.signature.slice(0, 300)} ≠ ${signature.slice(0, 300)}`
      }
    }
    return undefined
  }
}

/** The whole answer without what differs from request to request, and without the ids that the request itself named. */
function signatureOf({ status, headers, text }: WireAnswer, named: readonly string[]): string {
  const lines = Object.entries(headers)
    .filter(([name]) => !VOLATILE.test(name))
    .map(([name, value]) => `${name}: ${value}`)
    .sort()
  let all = `${status}\n${lines.join('\n')}\n${text}`
  const requestId = headers['x-request-id']
  if (requestId !== undefined) all = all.replaceAll(requestId, 'REQUEST')
  for (const id of [...named].sort((a, b) => b.length - a.length)) if (id.length > 3) all = all.replaceAll(id, 'ID')
  return all
}
