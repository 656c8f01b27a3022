/**
 * What of a request goes into the audit log: each action of the control plane, told to the tenant's object before it is
 * done and again when it has ended; and each refusal of a credential whose secret was right, in the background. Actions of
 * the root key stand in the operator's chain, and in the tenant's where one is concerned.
 */
import type { Catalog } from '../catalog/catalog.ts'
import { hex } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import { asProblem, Problem, PROBLEMS } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem.ts'
import type { AuditActor, AuditEnd, AuditEntry, AuditHead, AuditPort, AuditSubject } from '../tenancy/audit-line.ts'
import type { Refusal } from '../tenancy/authenticate.ts'
import type { Principal } from '../tenancy/principal.ts'
import { isTenantId } from '../tenancy/tenant-id.ts'
import type { Exchange } from './exchange.ts'
import type { Reply, RouteAudit, RouteRequest } from './route.ts'

type AnyRequest = RouteRequest<string, unknown, unknown>
type KeepAlive = (work: Promise<unknown>) => void

export interface AuditTrailDependencies {
  readonly tenantObjects: { of(tenantUid?: TenantUid): Promise<AuditPort> }
  readonly catalog: { readonly tenants: Pick<Catalog['tenants'], 'erasableUid'> }
  readonly clock: Clock
}

/** A request whose route is audited, with what its line says beside the answer. */
export interface AuditedRequest {
  readonly audit: RouteAudit
  /** The route's template. */
  readonly path: string
  readonly request: AnyRequest
  readonly requestId: string
  /** SHA-256 of the body; absent where there is none. */
  readonly digest: Uint8Array | undefined
}

/** A refusal as it happens; the tenant is absent where the root key acts for none. */
export interface HappenedRefusal {
  readonly actor: AuditActor
  readonly tenantUid: TenantUid | undefined
  readonly code: ProblemCode
  readonly reason?: string
  readonly requestId?: string
}

interface Chain {
  readonly tenantUid: TenantUid | undefined
  /** Whether the action goes on where the chain's tenant is gone. */
  readonly isOptional: boolean
}

interface Begun {
  readonly port: AuditPort
  readonly isOperators: boolean
  readonly head: AuditHead
}

/** An isolate tells the same refusal at most once in this time; those between are counted. */
const TELL_EVERY_MS = 1_000
/** Refusals that are remembered for that. Whoever is forgotten is told of once more. */
const MAX_TOLD = 1_000

/** One per isolate. */
export class AuditTrail {
  readonly #dependencies: AuditTrailDependencies
  /** By key and reason, the one told longest ago first. */
  readonly #told = new Map<string, { atMs: number; untold: number }>()

  constructor(dependencies: AuditTrailDependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Runs the handler between the two halves of its line. The action is not done where its beginning cannot be told; where
   * its end cannot, the answer still leaves, and the line says `unknown` a minute later.
   * @throws overloaded; not_found where the tenant is erased; what the handler throws
   */
  async run(audited: AuditedRequest, handle: () => Promise<Reply>): Promise<Reply> {
    const { audit, request, requestId } = audited
    const begun = await this.#begin(await this.#chainsOf(audited), entryOf(audited))
    const lastHash = audit.endsChain ? begun.find(({ isOperators }) => !isOperators)?.head.hash : undefined
    const tell = async (end: AuditEnd): Promise<void> => {
      const digest = lastHash === undefined ? {} : { digest: lastHash }
      // What was erased hears nothing any more.
      const isErased = audit.endsChain === true && end.outcome === 'done'
      const left = isErased ? begun.filter(({ isOperators }) => isOperators) : begun
      await endAll(left, requestId, { ...end, ...digest })
    }
    let reply: Reply
    try {
      reply = await handle()
    } catch (error) {
      await tell(endOf(error))
      throw error
    }
    await tell({ outcome: 'done', ...subjectOf(audit, request, reply) })
    return reply
  }

  /** Tells of a refusal once the answer has left; never more than once a second of the same one. */
  refused({ actor, tenantUid, code, reason, requestId }: HappenedRefusal, keepAlive: KeepAlive): void {
    const name = `${tenantUid ?? ''} ${actor.kind} ${actor.keyId} ${code} ${reason ?? ''}`
    const count = this.#toTell(name)
    if (count === 0) return
    const refusal = {
      actor,
      code,
      count,
      ...(reason === undefined ? {} : { reason }),
      ...(requestId === undefined ? {} : { requestId }),
    }
    const uids = actor.kind === 'root' && tenantUid !== undefined ? [undefined, tenantUid] : [tenantUid]
    for (const uid of uids) {
      const told = this.#dependencies.tenantObjects.of(uid).then(async (port) => port.recordRefusal(refusal))
      // The request was refused all the same, and nobody is left to hear of this.
      keepAlive(told.catch(() => {}))
    }
  }

  /** Tells of what the answer says, where a known credential was refused for what it is. */
  tellRefusal(exchange: Pick<Exchange, 'principal' | 'code' | 'isAudited' | 'requestId'>, keepAlive: KeepAlive): void {
    const { principal, code, isAudited, requestId } = exchange
    if (principal === undefined || code === undefined || isAudited === true || !isAboutRights(code)) return
    this.refused({ actor: actorOf(principal), tenantUid: principal.tenant?.uid, code, requestId }, keepAlive)
  }

  /** Tells of a credential that came to nothing although its secret was right: it has expired, was revoked, … */
  credentialRefused({ kind, keyId, tenant, code, reason }: Refusal, keepAlive: KeepAlive): void {
    this.refused({ actor: { kind, keyId }, tenantUid: tenant.uid, code, reason }, keepAlive)
  }

  /** How many refusals to tell now, the present one included; 0 while it is only counted. */
  #toTell(name: string): number {
    const nowMs = this.#dependencies.clock()
    const known = this.#told.get(name)
    if (known !== undefined && nowMs - known.atMs < TELL_EVERY_MS) {
      known.untold++
      return 0
    }
    this.#told.delete(name)
    for (const oldest of this.#told.keys()) {
      if (this.#told.size < MAX_TOLD) break
      this.#told.delete(oldest)
    }
    this.#told.set(name, { atMs: nowMs, untold: 0 })
    return (known?.untold ?? 0) + 1
  }

  async #chainsOf({ path, request: { params, principal } }: AuditedRequest): Promise<Chain[]> {
    if (principal.kind !== 'root') return [{ tenantUid: principal.tenant?.uid, isOptional: false }]
    const named = path.startsWith('/v1/tenants/{id}') ? (params as { readonly id: string }).id : undefined
    const tenantUid =
      named === undefined ? principal.tenant?.uid : await this.#dependencies.catalog.tenants.erasableUid(named)
    const operators: Chain = { tenantUid: undefined, isOptional: false }
    return tenantUid === undefined ? [operators] : [operators, { tenantUid, isOptional: true }]
  }

  async #begin(chains: readonly Chain[], entry: AuditEntry): Promise<Begun[]> {
    const results = await Promise.allSettled(
      chains.map(async ({ tenantUid }) => {
        const port = await this.#dependencies.tenantObjects.of(tenantUid)
        return { port, isOperators: tenantUid === undefined, head: await port.beginAudit(entry) }
      }),
    )
    const begun = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const problems = results.flatMap((result, i) => {
      if (result.status === 'fulfilled') return []
      const isGone = asProblem(result.reason)?.code === 'not_found'
      if (isGone && chains[i]?.isOptional === true) return []
      return [isGone ? new Problem('not_found') : unreachable()]
    })
    const [problem] = problems
    if (problem === undefined) return begun
    await endAll(begun, entry.requestId, { outcome: 'failed', code: problem.code })
    throw problem
  }
}

const unreachable = (): Problem =>
  new Problem('overloaded', 'the audit log cannot be reached; nothing was done', { retryAfterSeconds: 1 })

/** Where a chain cannot be told, its entry tells by itself that the outcome is unknown. */
async function endAll(begun: readonly Begun[], requestId: string, end: AuditEnd): Promise<void> {
  await Promise.allSettled(begun.map(async ({ port }) => port.endAudit(requestId, end)))
}

const actorOf = ({ kind, keyId }: Pick<Principal, 'kind' | 'keyId'>): AuditActor => ({ kind, keyId })

function entryOf({ audit, request, requestId, digest }: AuditedRequest): AuditEntry {
  return {
    requestId,
    actor: actorOf(request.principal),
    action: audit.action,
    ...subjectOf(audit, request),
    ...(digest === undefined ? {} : { digest: hex(digest) }),
  }
}

/** What is no problem is a bug, and becomes a 500. */
function endOf(error: unknown): AuditEnd {
  const code = asProblem(error)?.code ?? 'internal'
  return { outcome: PROBLEMS[code].status >= 500 ? 'failed' : 'refused', code }
}

/** Paths may name anything; only what has the form of an id is written down. */
function subjectOf(audit: RouteAudit, request: AnyRequest, reply?: Reply): { subject?: AuditSubject } {
  const subject = audit.subject?.(request, reply)
  if (subject === undefined || !isId(subject)) return {}
  return { subject }
}

const isId = ({ type, id }: AuditSubject): boolean =>
  type === 'tenant' ? isTenantId(id) : /^(?:[a-z]{2,5}_)?[0-9A-Za-z]{16}$/.test(id)

/** The subject is what `{id}` in the path names. */
export const named =
  (type: string): NonNullable<RouteAudit['subject']> =>
  ({ params }) => ({ type, id: (params as { readonly id: string }).id })

/** The subject is what the answer's `id` says was made. */
export const made =
  (type: string): NonNullable<RouteAudit['subject']> =>
  (_, reply) =>
    reply?.body === undefined ? undefined : { type, id: String((reply.body as { readonly id?: unknown }).id) }

/** The subject is what the reply says apart. */
export const told: NonNullable<RouteAudit['subject']> = (_, reply) => reply?.subject

/** The subject is the collection that the path names. */
export const inCollection: NonNullable<RouteAudit['subject']> = ({ collection }) => {
  const { id } = collection as unknown as { readonly id: string }
  return { type: 'collection', id }
}

/** Refusals that are about what the credential may do, not about what it asked for. */
const isAboutRights = (code: ProblemCode): boolean => [403, 429].includes(PROBLEMS[code].status)
