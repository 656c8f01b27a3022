/** What goes wrong at a provider, and as which problem a caller hears of it. Never holds a word of the provider's own. */
import { Problem } from '../../core/problem.ts'

/**
 * `busy`: it asks for patience, or is not asked at all because it failed too often. `broken`: an answer that broke off or
 * is not of its protocol. `wrong`: a whole answer that is not what was asked for, such as vectors of another length.
 * `too_long`: it may have refused a text for its length. `refused`: it will refuse the same request again.
 */
export type ProviderFaultKind =
  | 'timeout'
  | 'unreachable'
  | 'failed'
  | 'busy'
  | 'broken'
  | 'wrong'
  | 'too_long'
  | 'refused'

const CODES = {
  timeout: 'upstream_timeout',
  unreachable: 'upstream_failed',
  failed: 'upstream_failed',
  busy: 'overloaded',
  broken: 'upstream_failed',
  wrong: 'upstream_failed',
  too_long: 'upstream_refused',
  refused: 'upstream_refused',
} as const

/** Whether the same call may go well a moment later. */
const PASSING: ReadonlySet<ProviderFaultKind> = new Set(['timeout', 'unreachable', 'failed', 'busy', 'broken'])

/** How long a caller waits whom nobody told. */
const DEFAULT_RETRY_SECONDS = 5

export class ProviderFault extends Error {
  override readonly name = 'ProviderFault'
  readonly kind: ProviderFaultKind
  /** As the provider asked for it, in milliseconds. */
  readonly retryAfterMs: number | undefined

  /** `message` is lower-case and ours: it reaches callers and logs. */
  constructor(kind: ProviderFaultKind, message: string, retryAfterMs?: number) {
    super(message)
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }

  get isPassing(): boolean {
    return PASSING.has(this.kind)
  }

  get problem(): Problem {
    if (this.kind !== 'busy') return new Problem(CODES[this.kind], this.message)
    const { retryAfterMs } = this
    const retryAfterSeconds = retryAfterMs === undefined ? DEFAULT_RETRY_SECONDS : Math.ceil(retryAfterMs / 1_000)
    return new Problem('overloaded', this.message, { retryAfterSeconds: Math.max(retryAfterSeconds, 1) })
  }
}
