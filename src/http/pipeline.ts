/**
 * Runs a route. The order of the steps is the order of refusal that callers rely on: 401 → 403 → 413, 415, 400 → 404 →
 * 409, 412, 422 → 429. No step looks at what a later one needs, so a refusal never tells more than it should.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { Faults, pointerTo } from '../core/faults.ts'
import { textFault } from '../core/canonical-json.ts'
import { randomBase62, sha256 } from '../core/bytes.ts'
import { MAX_BODY_BYTES } from '../core/limits.ts'
import { asProblem, Problem, PROBLEMS } from '../core/problem.ts'
import { parseIdempotencyKey, runIdempotent } from '../tenancy/idempotency.ts'
import type { Answer } from '../tenancy/idempotency.ts'
import { requireAddress } from '../tenancy/ip-ranges.ts'
import { originAllowed, requireOrigin } from '../tenancy/origins.ts'
import { isRestricted, requireActiveTenant, requireTenant, rightsDigest } from '../tenancy/principal.ts'
import type { Principal } from '../tenancy/principal.ts'
import { isOperator, requireAccess } from './access.ts'
import { Charges } from './charge.ts'
import type { Charge } from './charge.ts'
import type { AppDependencies } from './dependencies.ts'
import type { Exchange } from './exchange.ts'
import { findCollection } from './find-collection.ts'
import { checkJson, readJson } from './parse-json.ts'
import { pathParameters } from './paths.ts'
import { problemAnswer } from './problem-response.ts'
import { BodyAdmission, decodeUtf8, readBody, requirePlainEncoding } from './read-body.ts'
import type { ReceivedBody } from './read-body.ts'
import type { Reply, Route, RouteRequest } from './route.ts'
import { parseWith } from './schema-faults.ts'
import { UploadBody } from './upload-body.ts'

/** Lets work that other requests wait for outlive this one: `ExecutionContext.waitUntil`. */
export type KeepAlive = (work: Promise<unknown>) => void

export class Pipeline {
  readonly #dependencies: AppDependencies
  readonly #admission: BodyAdmission
  readonly #charges: Charges

  constructor(dependencies: AppDependencies) {
    this.#dependencies = dependencies
    this.#admission = new BodyAdmission(dependencies.clock)
    this.#charges = new Charges(dependencies)
  }

  /** Answers one request to a route; refusals are thrown as problems. */
  async run(route: Route, request: Request, exchange: Exchange, keepAlive: KeepAlive): Promise<Response> {
    const principal = await this.admit(request, exchange, keepAlive)
    requireAccess(route.access, principal)
    const charge = this.#charges.begin(request, exchange, principal, keepAlive)
    try {
      const taken =
        route.upload === undefined
          ? await this.#takeIn(route, request, exchange, principal)
          : await this.#takeUpload({ route, upload: route.upload, request, exchange, principal, charge, keepAlive })
      try {
        return responseOf(await this.#answer(route, taken, charge, exchange))
      } finally {
        await taken.release()
      }
    } catch (error) {
      // A refusal counts as well, and says where the rates stand.
      await charge.tell()
      throw error
    }
  }

  /**
   * Authenticates and checks what holds for every `/v1` path, existing or not.
   * @throws unauthorized, origin_forbidden, ip_forbidden, forbidden, tenant_suspended
   */
  async admit(request: Request, exchange: Exchange, keepAlive: KeepAlive): Promise<Principal> {
    const { authenticator } = this.#dependencies
    const principal = await exchange.timings.measure('auth', () =>
      authenticator.authenticate(request.headers, keepAlive),
    )
    exchange.principal = principal
    const origin = request.headers.get('origin')
    const own = exchange.url.origin
    requireOrigin(principal, origin, own)
    if (origin !== null && originAllowed(principal, origin, own)) exchange.allowedOrigin = origin
    requireAddress(principal.ipRanges, request.headers.get('cf-connecting-ip'))
    requireActiveTenant(principal)
    return principal
  }

  /**
   * Receives the body and parses it. Its bytes end here: what runs long after holds what was made of them, and their
   * digest.
   * @throws unsupported_media_type, body_too_large, overloaded, invalid_request, not_supported, not_found
   */
  async #takeIn(route: Route, request: Request, exchange: Exchange, principal: Principal): Promise<Taken> {
    const received = await this.#receive(route, request, principal)
    try {
      const release = await this.#admission.work(received?.bytes.length ?? 0)
      try {
        const prepared = await this.#prepare(route, request, exchange, principal, received)
        const isRepeated = isReplayed(route, principal) && request.headers.has('idempotency-key')
        const bodyDigest =
          isRepeated || route.audit !== undefined ? await sha256(received?.bytes ?? new Uint8Array()) : undefined
        return { prepared, bodyDigest, release }
      } catch (error) {
        release()
        throw error
      }
    } finally {
      received?.release()
    }
  }

  /**
   * Takes an upload in. All that the body does not tell is refused before its first byte is read; what it brings is stored
   * on the way and dropped again unless the handler takes it over.
   * @throws what `#takeIn` throws, not_found for the collection, rate_limited
   */
  async #takeUpload(asked: AskedUpload): Promise<Taken> {
    const { route, upload, request, exchange, principal, charge, keepAlive } = asked
    const body = new UploadBody(request, this.#admission, principal.tenant?.uid ?? principal.keyId)
    try {
      requirePlainEncoding(request.headers)
      parseIdempotencyKey(request.headers.get('idempotency-key'))
      const prepared = await this.#prepare(route, request, exchange, principal, undefined)
      const located = await this.#locate(prepared)
      if (located instanceof Problem) throw located
      await charge.judge()
      const receiving = upload.receive({ ...located, charge, body: undefined }, body, this.#dependencies)
      // A sender who goes away takes the request along, but not what was stored of it.
      keepAlive(receiving.catch(() => {}))
      const received = await receiving
      return {
        prepared: { ...prepared, body: received.value },
        bodyDigest: await received.digest(),
        release: () => received.drop(),
      }
    } catch (error) {
      await body.discard()
      throw error
    } finally {
      body.release()
    }
  }

  async #receive({ body }: Route, request: Request, principal: Principal): Promise<ReceivedBody | undefined> {
    if (body === undefined) return undefined
    const { maxBytes = MAX_BODY_BYTES } = body
    return readBody(request, this.#admission, { maxBytes, owner: principal.tenant?.uid ?? principal.keyId })
  }

  /** Everything up to 400, and paths that are none. @throws forbidden, invalid_request, not_supported, not_found */
  async #prepare(
    route: Route,
    request: Request,
    exchange: Exchange,
    principal: Principal,
    received: ReceivedBody | undefined,
  ): Promise<Prepared> {
    const { searchParams: parameters } = exchange.url
    const json = received === undefined ? undefined : readJson(decodeUtf8(received.bytes))
    route.forbid?.({ parameters, body: json }, principal)
    const asked = parseQuery(route, parameters)
    const query = route.narrowQuery === undefined ? asked : route.narrowQuery(asked, principal)
    const body = received === undefined ? undefined : parseBody(route, json, principal, this.#dependencies.clock())
    const params = pathParameters(route.path, exchange.path)
    if (params === undefined) throw new Problem('not_found')
    if (!isOperator(route.access, principal)) requireTenant(principal)
    return {
      params,
      query,
      body,
      headers: request.headers,
      principal,
      collection: undefined,
      operationId: randomBase62(16),
      timings: exchange.timings,
    }
  }

  /** Finds the collection and runs the handler, once for each idempotency key. @throws not_found, rate_limited */
  async #answer(
    route: Route,
    { prepared, bodyDigest }: Taken,
    charge: Charge,
    exchange: Exchange,
  ): Promise<Streamable> {
    const key = isRepeatable(route) ? parseIdempotencyKey(prepared.headers.get('idempotency-key')) : undefined
    const located = await this.#locate(prepared)
    /** The last refusals before the handler. */
    const charged = async (): Promise<Ready> => {
      if (located instanceof Problem) throw located
      // Collections that a body names are found by the handler, and a 404 goes before 429.
      if (route.namesCollections !== true) await charge.judge()
      return { ...located, charge }
    }
    if (key === undefined || bodyDigest === undefined || !isReplayed(route, prepared.principal)) {
      return answerOf(await this.#handle(route, await charged(), exchange, bodyDigest))
    }
    const answer = await this.#answerOnce(route, { prepared, key, bodyDigest, charged }, exchange).catch(
      (error: unknown) => {
        // What was answered while the collection existed is replayed; without such a record the 404 stands.
        throw located instanceof Problem ? located : error
      },
    )
    if (!answer.replayed) return answer
    await charge.judge()
    return { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true' } }
  }

  /** Hands a missing collection back instead of throwing, because a replay goes before it. */
  async #locate(prepared: Prepared): Promise<Prepared | Problem> {
    const { collection: reference } = prepared.params as { readonly collection?: string }
    if (reference === undefined) return prepared
    try {
      const collection: CollectionRecord | undefined = await findCollection(
        this.#dependencies.catalog,
        prepared.principal,
        reference,
      )
      // `{collection}` stands in the path exactly where the type says so.
      return { ...prepared, collection: collection as CollectionRecord & undefined }
    } catch (error) {
      const problem = asProblem(error)
      if (problem?.code === 'not_found') return problem
      throw error
    }
  }

  /** Answers from the record of an idempotency key, or makes one. The handler's own problems are kept like its answers. */
  async #answerOnce(
    route: Route,
    { prepared, key, bodyDigest, charged }: Keyed,
    exchange: Exchange,
  ): Promise<Answer & { readonly replayed: boolean }> {
    const { sealer, tenantObjects } = this.#dependencies
    return runIdempotent(
      { replays: await tenantObjects.of(prepared.principal.tenant?.uid), sealer },
      {
        method: route.method.toUpperCase(),
        path: exchange.path,
        key,
        bodyDigest,
        rights: await rightsDigest(prepared.principal),
      },
      async (operationId) => {
        const request = await charged()
        try {
          return answerOf(await this.#handle(route, { ...request, operationId }, exchange, bodyDigest))
        } catch (error) {
          const problem = asProblem(error)
          if (problem === undefined || PROBLEMS[problem.code].status >= 500) throw error
          exchange.code = problem.code
          return problemAnswer(problem, exchange)
        }
      },
    )
  }

  /** Runs the handler, between the two halves of its audit line where the route has one. */
  #handle(route: Route, request: Ready, exchange: Exchange, bodyDigest: Uint8Array | undefined): Promise<Reply> {
    const { audit, body, path } = route
    const handle = (): Promise<Reply> => route.handle(request, this.#dependencies)
    if (audit === undefined) return handle()
    exchange.isAudited = true
    const digest = body === undefined ? undefined : bodyDigest
    return this.#dependencies.auditTrail.run({ audit, path, request, requestId: exchange.requestId, digest }, handle)
  }
}

/** An answer whose body may be written while it is read. */
type Streamable = Answer & Pick<Reply, 'stream'>

/** A request as its handler sees it. */
type Ready = RouteRequest<string, unknown, unknown>

/** A request that has passed everything up to 404. */
type Prepared = Omit<Ready, 'charge'>

interface Taken {
  readonly prepared: Prepared
  /** SHA-256 of the body, for requests with an idempotency key and for the audit log. */
  readonly bodyDigest: Uint8Array<ArrayBuffer> | undefined
  /** Ends the turn of a large body, or drops an upload that nobody took over; call it when the answer is made. */
  readonly release: () => void | Promise<void>
}

interface AskedUpload {
  readonly route: Route
  readonly upload: NonNullable<Route['upload']>
  readonly request: Request
  readonly exchange: Exchange
  readonly principal: Principal
  readonly charge: Charge
  readonly keepAlive: KeepAlive
}

interface Keyed {
  readonly prepared: Prepared
  readonly key: string
  readonly bodyDigest: Uint8Array<ArrayBuffer>
  /** @throws not_found, rate_limited, neither of which is kept */
  readonly charged: () => Promise<Ready>
}

/** Routes that take an idempotency key: `DELETE` and `GET` are repeatable as they are. */
const isRepeatable = (route: Route): boolean => route.method !== 'get' && route.method !== 'delete'

/** A read may be run again, so whoever can be anybody (a public key, a token) fills no storage with answers to it. */
const isReplayed = (route: Route, principal: Principal): boolean =>
  isRepeatable(route) && !(route.isRead === true && isRestricted(principal))

/** @throws invalid_request for unknown, repeated and malformed parameters, with `/<name>` as the pointer */
function parseQuery(route: Route, parameters: URLSearchParams): unknown {
  const values: Record<string, string> = Object.create(null) as Record<string, string>
  const faults = new Faults()
  for (const [name, value] of parameters) {
    const fault = textFault(value) ?? (name in values ? 'must be given once' : undefined)
    if (fault === undefined) values[name] = value
    else faults.add(pointerTo('', name.toWellFormed()), fault)
  }
  if (route.query === undefined) {
    for (const name of Object.keys(values)) faults.add(pointerTo('', name), 'is not a known parameter')
  }
  faults.throwIfAny()
  return route.query === undefined ? undefined : parseWith(route.query, { ...values })
}

function parseBody(route: Route, value: unknown, principal: Principal, nowMs: number): unknown {
  checkJson(value)
  if (route.body?.parse !== undefined) return route.body.parse(value, principal, nowMs)
  return route.body === undefined ? undefined : parseWith(route.body.schema, value, route.body.notYet)
}

function answerOf({ status, body, replayBody, stream, headers }: Reply): Streamable {
  return {
    status,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? '' : JSON.stringify(body),
    ...(replayBody === undefined ? {} : { replayBody: JSON.stringify(replayBody) }),
    ...(stream === undefined ? {} : { stream }),
  }
}

const responseOf = ({ status, headers, body, stream }: Streamable): Response =>
  new Response(stream ?? (body === '' ? null : body), { status, headers: { ...headers } })
