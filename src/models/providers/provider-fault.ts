/** What goes wrong at a provider, and as which problem a caller hears of it. Never holds a word of the provider's own. */
import { Problem, PROBLEMS } from '../../core/problem.ts'

/** `retries`: whether the same call may go well a moment later. */
const KINDS = {
  timeout: { code: 'upstream_timeout', retries: true },
  unreachable: { code: 'upstream_failed', retries: true },
  /** It says that something went wrong on its side. */
  failed: { code: 'upstream_failed', retries: true },
  /** It asks for patience, or did so a moment ago. */
  busy: { code: 'overloaded', retries: true },
  /** It failed so often that it is not asked. */
  open: { code: 'overloaded', retries: false },
  /** An answer that broke off or is not of its protocol. */
  broken: { code: 'upstream_failed', retries: true },
  /** A whole answer that is not what was asked for, such as vectors of another length. */
  wrong: { code: 'upstream_failed', retries: false },
  /** It refuses the request, maybe for the length of a text. */
  too_long: { code: 'upstream_refused', retries: false },
  /** It will refuse the same request again. */
  refused: { code: 'upstream_refused', retries: false },
} as const

export type ProviderFaultKind = keyof typeof KINDS

/** How long a caller waits whom nobody told. */
const DEFAULT_RETRY_SECONDS = 5

export class ProviderFault extends Error {
  override readonly name = 'ProviderFault'
  readonly kind: ProviderFaultKind
  /** How long it asks for patience, in milliseconds. */
  readonly retryAfterMs: number | undefined

  /** `message` is lower-case and ours: it reaches callers and logs. */
  constructor(kind: ProviderFaultKind, message: string, retryAfterMs?: number) {
    super(message)
    this.kind = kind
    this.retryAfterMs = retryAfterMs
  }

  get mayRetry(): boolean {
    return KINDS[this.kind].retries
  }

  /** Whether the provider is to blame, and not what it was asked. */
  get isOutage(): boolean {
    return PROBLEMS[KINDS[this.kind].code].retryable
  }

  get problem(): Problem {
    const { code } = KINDS[this.kind]
    if (code !== 'overloaded') return new Problem(code, this.message)
    const { retryAfterMs } = this
    const retryAfterSeconds = retryAfterMs === undefined ? DEFAULT_RETRY_SECONDS : Math.ceil(retryAfterMs / 1_000)
    return new Problem(code, this.message, { retryAfterSeconds: Math.max(retryAfterSeconds, 1) })
  }
}

/** What a provider throws becomes the caller's problem; everything else stays what it is. */
export const asCallersProblem = (error: unknown): unknown => (error instanceof ProviderFault ? error.problem : error)
