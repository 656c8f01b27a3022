/** How sure is it that a candidate answers? A logistic model over its evidence. */
import type { Candidate } from './candidates.ts'
import type { Evidence } from './evidence.ts'
import type { Question } from './question.ts'

/** Below this the generator abstains. */
export const MIN_CONFIDENCE = 0.5

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** In [0, 1]. A name that was asked for and is nowhere near takes nearly everything. */
export function confidenceOf(evidence: Evidence, question: Question, candidate: Candidate): number {
  const { similarity, coverage, contextCoverage, alignment, missingNames, holdsCue } = evidence
  const cue = question.cue === 'open' ? 0 : holdsCue ? 0.5 : -2
  const names = -4 * missingNames
  const kind = candidate.kind === 'code' ? -0.3 : candidate.kind === 'list' ? (question.isBroad ? 0.3 : -0.5) : 0
  if (similarity === undefined) return sigmoid(-4 + 3 * coverage + 3 * contextCoverage + cue + names + kind)
  return sigmoid(-5.5 + 4 * similarity + 1.5 * coverage + 4 * alignment + cue + names + kind)
}
