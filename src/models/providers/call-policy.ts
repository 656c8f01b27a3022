/** How patient a call of a provider is: who waits for it decides. */

export interface CallPolicy {
  /** With the first one. */
  readonly attempts: number
  /** Of one attempt, to the answer's last byte. */
  readonly attemptMs: number
  /** Of everything: attempts, delays between them, fallbacks. */
  readonly totalMs: number
  /** The bound of the first delay; it doubles with each attempt. */
  readonly baseDelayMs: number
  /** No delay is longer; a provider that asks for more patience is not asked again by this call. */
  readonly maxDelayMs: number
}

/** A person waits: the keyword leg answers in time without it. Few providers need more than a second. */
export const QUERY_POLICY: CallPolicy = {
  attempts: 2,
  attemptMs: 2_500,
  totalMs: 4_000,
  baseDelayMs: 100,
  maxDelayMs: 1_000,
}

/** Ingestion waits; what fails is tried again later by whoever asked. */
export const PASSAGE_POLICY: CallPolicy = {
  attempts: 4,
  attemptMs: 30_000,
  totalMs: 90_000,
  baseDelayMs: 500,
  maxDelayMs: 15_000,
}

export const RERANK_POLICY: CallPolicy = {
  attempts: 2,
  attemptMs: 10_000,
  totalMs: 15_000,
  baseDelayMs: 100,
  maxDelayMs: 1_000,
}

/** A whole answer of a language model; a stream's first word has `attemptMs` too, and each further one. */
export const CHAT_POLICY: CallPolicy = {
  attempts: 2,
  attemptMs: 60_000,
  totalMs: 180_000,
  baseDelayMs: 200,
  maxDelayMs: 2_000,
}
