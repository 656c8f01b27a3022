/**
 * What a route is: one object that holds its schema, its documentation, who may call it, and what it does. `pipeline.ts`
 * runs it, `openapi.ts` documents it; a handler sees parsed values and answers plain data, never a Hono context.
 */
import type { z } from '@hono/zod-openapi'
import type { CollectionRecord } from '../catalog/records.ts'
import type { JobId } from '../core/ids.ts'
import type { AuditSubject } from '../tenancy/audit-line.ts'
import type { Principal } from '../tenancy/principal.ts'
import type { Scope } from '../tenancy/scopes.ts'
import type { Charge } from './charge.ts'
import type { AppDependencies } from './dependencies.ts'
import type { NotYet } from './schema-faults.ts'
import type { Timings } from './timings.ts'
import type { UploadBody } from './upload-body.ts'

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** Names in braces of a path template, as OpenAPI writes it. */
export type PathParameters<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? { readonly [Key in Name]: string } & PathParameters<Rest>
  : unknown

/** Who may call a route; everyone else is 403. */
export type Access =
  | { readonly kind: 'root' }
  /** Keys with the scope `admin`, and the root key while it acts for a tenant; with `operator` also while it acts for none. */
  | { readonly kind: 'admin'; readonly operator?: true }
  /** Keys of a tenant with one of the scopes; without scopes, every key of a tenant. */
  | {
      readonly kind: 'key'
      readonly anyOf?: readonly Scope[]
      /** Not public ones, and no tokens. */
      readonly secretOnly?: true
      /** Not those with a filter. */
      readonly unfiltered?: true
    }

export interface RouteRequest<Path extends string, Query, Body> {
  /** Decoded exactly once, from the raw path. */
  readonly params: PathParameters<Path>
  readonly query: Query
  readonly body: Body
  readonly headers: Headers
  readonly principal: Principal
  /** The collection that the path names, where it names one: it exists and the credential reaches it. */
  readonly collection: Path extends `${string}{collection}${string}` ? CollectionRecord : undefined
  /**
   * 16 base62 characters from which the ids of what the request creates are made. The same again when a request with an
   * idempotency key is run again after a crash, so that what it creates exists once.
   */
  readonly operationId: string
  readonly timings: Timings
  readonly charge: Charge
}

/** An answer as plain data, so that it can be kept and replayed. */
export interface Reply {
  readonly status: 200 | 201 | 202 | 204 | 304
  /** Serialised as JSON. */
  readonly body?: object
  /** What a replay shows instead, where the body holds a secret that is shown once. */
  readonly replayBody?: object
  /** What the audit log names, where neither the path nor the body tells its id. */
  readonly subject?: AuditSubject
  /** Instead of `body`, for answers too large to be held or not over yet; only on GET, which nobody replays. */
  readonly stream?: ReadableStream<Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
}

export interface RouteResponse {
  readonly description: string
  readonly schema?: z.ZodType
  /** Of a streamed body, which no schema describes. */
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** How a body is read: by its schema, or by a parser of the room below, whose wire type the schema then documents. */
export interface RouteBody<Schema extends z.ZodType, Body> {
  readonly schema: Schema
  /**
   * Used instead of the schema's own parsing, where a lower room knows more of the value than a schema can say.
   * @throws forbidden, invalid_request, not_supported
   */
  readonly parse?: (value: unknown, principal: Principal, nowMs: number) => Body
  readonly notYet?: NotYet
  /** 413 above it; `MAX_BODY_BYTES` unless told. */
  readonly maxBytes?: number
  /** A request as it could be pasted. */
  readonly example: object
}

/** What an upload came to before the handler runs. */
export interface Received<Body> {
  readonly value: Body
  /** SHA-256 of all that the request says: the same again for the same request. */
  digest(): Promise<Uint8Array<ArrayBuffer>>
  /** Forgets what came, unless the handler has taken it over. Never throws. */
  drop(): Promise<void>
}

/** A body that is stored while it comes, and never held whole. Its route takes no JSON. */
export interface RouteUpload<Path extends string, Query, Body> {
  /** As OpenAPI shows it, by media type. */
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType; readonly example?: unknown }>>
  /** For 413. */
  readonly limits: string
  /**
   * Runs when everything is known that the body does not tell: the collection exists, the rates allow it. What it throws
   * leaves nothing behind.
   * @throws forbidden, body_too_large, invalid_request, overloaded
   */
  readonly receive: (
    request: RouteRequest<Path, Query, undefined>,
    body: UploadBody,
    dependencies: AppDependencies,
  ) => Promise<Received<Body>>
}

interface RouteDocumentation {
  readonly operationId: string
  readonly tag:
    | 'tenants'
    | 'keys'
    | 'tokens'
    | 'collections'
    | 'models'
    | 'documents'
    | 'search'
    | 'answers'
    | 'sources'
    | 'jobs'
    | 'webhooks'
    | 'usage'
    | 'audit'
  readonly summary: string
  readonly description?: string
  /** By status; problems are added to every route. */
  readonly responses: Readonly<Partial<Record<Reply['status'], RouteResponse>>>
  /** A POST that changes nothing. */
  readonly isRead?: true
  /** Whether a model may be asked that a provider runs, whose faults are answers then: 502 and 504. */
  readonly callsModels?: true
  /** Whether the body names collections, which may be absent. Its handler judges the charge once they are found. */
  readonly namesCollections?: boolean
  /** In the shape of another service, whose clients show the `message` of a refusal and nothing else. */
  readonly saysMessage?: true
  /** Statuses of refusals that only this route's own work has. */
  readonly refusals?: readonly (409 | 410)[]
  /** Request headers that the route reads, with what they do. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a request asks for, before anything of it is checked. */
export interface AskedFor {
  readonly parameters: URLSearchParams
  /** Any JSON; `undefined` where the route has no body. */
  readonly body: unknown
}

/** What the audit log says of a route: see `audit-trail.ts`. */
export interface RouteAudit {
  /** `<what>.<verb>`, such as `key.create`. */
  readonly action: string
  /** What is acted on; asked before the handler runs, without a reply, and again with it. */
  readonly subject?: (request: RouteRequest<string, unknown, unknown>, reply?: Reply) => AuditSubject | undefined
  /** The tenant that the path names is erased, its chain with it: the operator's chain keeps the digest of its head. */
  readonly endsChain?: true
}

interface RouteDefinition<
  Path extends string,
  Query extends z.ZodType,
  Schema extends z.ZodType,
  Body,
> extends RouteDocumentation {
  readonly method: Method
  readonly path: Path
  readonly access: Access
  /** Every route that changes the control plane has it. */
  readonly audit?: RouteAudit
  /** Refuses what the credential may not ask for, before anything is said of faults. @throws forbidden */
  readonly forbid?: (asked: AskedFor, principal: Principal) => void
  readonly query?: Query
  /** Fits the query to the credential. @throws invalid_request */
  readonly narrowQuery?: (query: z.output<Query>, principal: Principal) => z.output<Query>
  readonly body?: RouteBody<Schema, Body>
  readonly upload?: RouteUpload<Path, z.output<Query>, Body>
  readonly handle: (request: RouteRequest<Path, z.output<Query>, Body>, dependencies: AppDependencies) => Promise<Reply>
}

/** A route whose types were checked and then forgotten, so that all of them fit one list. */
export interface Route extends RouteDocumentation {
  readonly method: Method
  readonly path: string
  readonly access: Access
  readonly audit?: RouteAudit
  readonly forbid?: (asked: AskedFor, principal: Principal) => void
  readonly query?: z.ZodType
  readonly narrowQuery?: (query: unknown, principal: Principal) => unknown
  readonly body?: RouteBody<z.ZodType, unknown>
  readonly upload?: RouteUpload<string, unknown, unknown>
  readonly handle: (request: RouteRequest<string, unknown, unknown>, dependencies: AppDependencies) => Promise<Reply>
}

/** Checks a route against its own schemas; what `handle` reads is what the schemas give. */
export function defineRoute<
  const Path extends string,
  Query extends z.ZodType = z.ZodType<undefined>,
  Schema extends z.ZodType = z.ZodType<undefined>,
  Body = z.output<Schema>,
>(definition: RouteDefinition<Path, Query, Schema, Body>): Route {
  return definition as unknown as Route
}

/** The 202 of a write that became a job. */
export function acceptedReply(jobId: JobId): Reply {
  return { status: 202, headers: { location: `/v1/jobs/${jobId}` }, body: { job: { id: jobId } } }
}
