/** What is known of one request while it is answered: filled in on the way, read by headers and the log line at the end. */
import type { Clock } from '../core/clock.ts'
import { newRequestId } from '../core/ids.ts'
import type { RequestId } from '../core/ids.ts'
import type { ProblemCode } from '../core/problem.ts'
import type { Principal } from '../tenancy/principal.ts'
import { isApiPath, rawPath } from './paths.ts'
import { Timings } from './timings.ts'

/** One limit as callers see it in `RateLimit` and `RateLimit-Policy`. Whole numbers. */
export interface LimitState {
  readonly name: string
  /** What may be spent in a window. */
  readonly quota: number
  readonly windowSeconds: number
  readonly remaining: number
  /** Until `remaining` is `quota` again, if nothing is spent. */
  readonly resetSeconds: number
}

export interface Exchange {
  readonly requestId: RequestId
  readonly url: URL
  readonly path: string
  readonly isApi: boolean
  readonly timings: Timings
  /** The template of the route that was found. */
  route: string
  principal?: Principal
  /** The request's origin, once the credential was seen to allow it. */
  allowedOrigin?: string
  /** Where the limits stand that the request was charged to. */
  limits?: readonly LimitState[]
  /** The request leaves a line in the audit log, refused or not. */
  isAudited?: true
  /** The route has the shape of another service, so refusals say what is wrong where its clients look for it. */
  saysMessage?: boolean
  code?: ProblemCode
  stack?: string
}

export function beginExchange(request: Request, clock: Clock): Exchange {
  const path = rawPath(request.url)
  return {
    requestId: newRequestId(),
    url: new URL(request.url),
    path,
    isApi: isApiPath(path),
    timings: new Timings(clock),
    route: '(none)',
  }
}
