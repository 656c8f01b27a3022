/** Which refusals are a model's or its provider's: they take a leg or a reranking away where the rest can do without it. */
import { PROBLEMS } from '../core/problem.ts'
import type { Problem } from '../core/problem.ts'

/** A provider that refuses every request, say for its key, is as good as one that is down. */
export const isModelFault = ({ code }: Problem): boolean => PROBLEMS[code].retryable || code === 'upstream_refused'
