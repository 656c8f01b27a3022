/** Which refusals are a model's or its provider's: they take a leg or a reranking away where the rest can do without it. */
import { PROBLEMS } from '../core/problem.ts'
import type { Problem } from '../core/problem.ts'

/**
 * A provider that refuses every request, say for its key, is as good as one that is down. What the caller has spent, a quota
 * or a budget, is no fault of the model's.
 */
export const isModelFault = ({ code }: Problem): boolean =>
  (PROBLEMS[code].retryable && PROBLEMS[code].status >= 500) || code === 'upstream_refused'
