/** One structured line a request. It holds ids, names of routes and numbers: never text, query strings or keys. */
import type { RequestId } from '../core/ids.ts'

export interface LogLine {
  readonly level: 'info' | 'error'
  readonly event: 'request'
  readonly requestId: RequestId
  readonly method: string
  /** The route's template, never the path that was asked for. */
  readonly route: string
  readonly status: number
  /** The problem's code, where the answer is one. */
  readonly code?: string
  /** The tenant's public id. */
  readonly tenant?: string
  readonly keyId?: string
  readonly milliseconds: number
  readonly stages: Readonly<Record<string, number>>
  /** Bytes of models and indexes that the isolate holds. */
  readonly heldBytes: number
  /** A bug's stack; only on `internal`. */
  readonly stack?: string
}
