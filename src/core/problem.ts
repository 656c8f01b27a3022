/**
 * The one vocabulary of refusals. A `Problem` is expected and belongs to the caller; it crosses every layer as a thrown
 * value and becomes an RFC 9457 `application/problem+json` answer only in `http/`. A bug is not a problem: see `invariant.ts`.
 */

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** Whether the same request may succeed later without being changed. */
  readonly retryable: boolean
}

/** Every code that Nearfield answers with. A code is never reused for another meaning. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'the request is not valid', retryable: false },
  not_supported: { status: 400, title: 'this field or value is not supported yet', retryable: false },
  dimension_mismatch: { status: 400, title: 'the vector has the wrong number of dimensions', retryable: false },
  cursor_expired: { status: 400, title: 'the cursor has expired', retryable: false },
  cursor_mismatch: { status: 400, title: 'the cursor belongs to another request', retryable: false },
  unauthorized: { status: 401, title: 'a valid credential is required', retryable: false },
  forbidden: { status: 403, title: 'the credential does not allow this', retryable: false },
  origin_forbidden: { status: 403, title: 'the credential does not allow this origin', retryable: false },
  ip_forbidden: { status: 403, title: 'the credential does not allow this address', retryable: false },
  scope_missing: { status: 403, title: 'the credential lacks a scope', retryable: false },
  tenant_suspended: { status: 403, title: 'the tenant is suspended', retryable: false },
  quota_exceeded: { status: 403, title: 'a stored quota is used up', retryable: false },
  originals_full: { status: 403, title: 'the tenant holds as many bytes of originals as it may', retryable: false },
  not_found: { status: 404, title: 'there is nothing here', retryable: false },
  method_not_allowed: { status: 405, title: 'the path does not know this method', retryable: false },
  conflict: { status: 409, title: 'the name is in use', retryable: false },
  profile_mismatch: { status: 409, title: 'the vectors were made by another model than the index', retryable: false },
  model_in_use: { status: 409, title: 'a collection is built with the model', retryable: false },
  webhook_disabled: { status: 409, title: 'the webhook is disabled', retryable: false },
  nothing_to_retry: { status: 409, title: 'the job has no failed file that can be tried again', retryable: false },
  request_in_flight: { status: 409, title: 'a request with this idempotency key is in flight', retryable: true },
  cursor_gone: { status: 410, title: 'the index behind the cursor was replaced', retryable: false },
  precondition_failed: { status: 412, title: 'the document is not the version that If-Match names', retryable: false },
  body_too_large: { status: 413, title: 'the body is over the limit', retryable: false },
  unsupported_media_type: { status: 415, title: 'the content type is not supported', retryable: false },
  idempotency_key_reused: { status: 422, title: 'the idempotency key belongs to another request', retryable: false },
  rate_limited: { status: 429, title: 'too many requests', retryable: true },
  monthly_quota_exceeded: { status: 429, title: 'a quota of this month is used up', retryable: true },
  budget_exceeded: { status: 429, title: "the day's budget is spent", retryable: true },
  internal: { status: 500, title: 'something went wrong on our side', retryable: true },
  upstream_failed: { status: 502, title: 'a provider answered with an error', retryable: true },
  upstream_refused: { status: 502, title: 'a provider refused the request', retryable: false },
  overloaded: { status: 503, title: 'the service is busy', retryable: true },
  schema_out_of_date: { status: 503, title: 'the database schema is older than the Worker', retryable: true },
  upstream_timeout: { status: 504, title: 'a provider did not answer in time', retryable: true },
  // Per-document and per-item codes; they stand in results and jobs and never become a status of their own.
  outside_filter: { status: 403, title: "the document lies outside the key's filter", retryable: false },
  document_too_large: { status: 413, title: 'the document makes more chunks than one may have', retryable: false },
  shard_full: { status: 507, title: 'the shard holds as many chunks as it can', retryable: false },
  superseded: { status: 409, title: 'a later write of the document was accepted', retryable: false },
  cancelled: { status: 409, title: 'the job was cancelled', retryable: false },
  embedding_failed: { status: 502, title: 'the text could not be embedded', retryable: true },
  collection_gone: { status: 404, title: 'the collection was deleted', retryable: false },
} as const satisfies Record<string, ProblemKind>

export type ProblemCode = keyof typeof PROBLEMS

/** One fault inside a request body; `pointer` is a JSON Pointer (RFC 6901), `''` for the whole body. */
export interface FieldFault {
  readonly pointer: string
  readonly detail: string
}

interface ProblemExtras {
  readonly errors?: readonly FieldFault[]
  readonly retryAfterSeconds?: number
}

/** A refusal that the caller can act on. `message` is lower-case, without values that could be secret or content. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly errors: readonly FieldFault[] | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ProblemCode, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? PROBLEMS[code].title)
    this.code = code
    this.errors = extras.errors
    this.retryAfterSeconds = extras.retryAfterSeconds
  }
}

/** Makes the 400 that names one field. */
export function invalidField(pointer: string, detail: string, code: ProblemCode = 'invalid_request'): Problem {
  return new Problem(code, detail, { errors: [{ pointer, detail }] })
}

/**
 * Recognises a problem by name and code, never by class: an error that crossed Durable Object RPC keeps its own
 * properties but not its prototype.
 */
export function asProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error
  if (typeof error !== 'object' || error === null) return undefined
  const { name, code, message, errors, retryAfterSeconds } = error as Partial<Problem>
  if (name !== 'Problem' || typeof code !== 'string' || !Object.hasOwn(PROBLEMS, code)) return undefined
  return new Problem(code, message, {
    ...(errors === undefined ? {} : { errors }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}
