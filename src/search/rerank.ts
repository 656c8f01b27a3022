/**
 * The second look: a model reads the query together with each of the first hits of a fused ranking and says how well they
 * answer. Their order by its scores is the result; where it fails, or takes too long, the fused order stands.
 */
import { invariant } from '../core/invariant.ts'
import { MAX_RERANK_MS } from '../core/limits.ts'
import { asProblem } from '../core/problem.ts'
import { isModelFault } from '../models/model-fault.ts'
import type { Reranker } from '../models/reranker.ts'
import type { Ranking, Reranked, Reranking } from './fuse.ts'
import { passagesOf, type PageContext } from './page.ts'
import type { CheckedSearch } from './parse-search-request.ts'

/** Fires after so many milliseconds. */
export type TimeLimit = (milliseconds: number) => AbortSignal

export interface RerankParts {
  readonly search: CheckedSearch
  readonly context: Pick<PageContext, 'units' | 'answers'>
  readonly timeLimit: TimeLimit
}

/** Judges the first hits of `fused`; `undefined` where the model could not do it in time. */
export async function rerank(
  fused: Ranking,
  reranker: Reranker,
  { search, context, timeLimit }: RerankParts,
): Promise<Reranking | undefined> {
  const { query = '', rerank: asked, byDocument } = search
  const first = fused.best(fused.members({ minScore: undefined, byDocument }), asked?.depth ?? 0)
  const passages = await passagesOf(fused, first, context)
  if (passages.length === 0) return { ranking: fused, fused, judged: new Map() }
  const texts = passages.map(({ text }) => text)
  const signal = timeLimit(MAX_RERANK_MS)
  let result
  try {
    result = await until(signal, reranker.rerank(query, texts, { signal }))
  } catch (error) {
    const problem = asProblem(error)
    if (problem === undefined || !isModelFault(problem)) throw error
  }
  if (result === undefined) return undefined
  const { scores, raw } = result
  invariant(scores.length === texts.length && raw.length === texts.length, 'a reranker scores every document')
  const calibrated = new Float64Array(fused.count).fill(Number.NEGATIVE_INFINITY)
  const judged = new Map<number, Reranked>()
  for (const [index, { candidate }] of passages.entries()) {
    calibrated[candidate] = scores[index] ?? 0
    judged.set(candidate, { raw: raw[index] ?? 0, fusedRank: first.indexOf(candidate) + 1 })
  }
  return { ranking: fused.rescored(calibrated), fused, judged }
}

/** Those that were judged and reach `minScore`. */
export const judgedMembers = ({ ranking, judged }: Reranking, minScore = Number.NEGATIVE_INFINITY): Uint32Array =>
  Uint32Array.from([...judged.keys()].filter((candidate) => (ranking.scores[candidate] ?? 0) >= minScore))

/** What `work` comes to, `undefined` where the signal fires first: whether or not the model listens to it. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  let stop = (): void => {}
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop)
  })
  try {
    // Whatever the work comes to afterwards, nobody waits for it.
    work.catch(() => {})
    return await Promise.race([signal.aborted ? undefined : stopped, work])
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
