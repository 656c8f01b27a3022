/** How sure is it that a candidate answers? A logistic model over its evidence. */
import type { Candidate } from './candidates.ts'
import type { Evidence } from './evidence.ts'
import { isSharp, type Question } from './question.ts'

/** Below this the generator abstains. */
export const MIN_CONFIDENCE = 0.5

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Above this cosine a candidate speaks of the very thing, whatever words it uses. */
const CLOSE_SIMILARITY = 0.58

/** In [0, 1]. A name that was asked for and is nowhere near takes nearly everything. */
export function confidenceOf(evidence: Evidence, question: Question, candidate: Candidate): number {
  const { similarity, prominence, focus, exactFocus, topic, missingNames, holdsCue, holdsAll, namesAttribute } =
    evidence
  const kind = candidate.kind === 'list' ? (question.isBroad ? 0.7 : -0.3) : 0
  const cue = cueWeight(question, holdsCue) + (namesAttribute && holdsCue ? 0.8 : 0)
  const common = cue - 3.5 * missingNames + kind + (holdsAll ? 1.8 : 0)
  if (similarity === undefined) return sigmoid(-2.9 + 3.5 * focus + 1.5 * topic + common)
  const close = holdsCue ? 6 * Math.max(0, similarity - CLOSE_SIMILARITY) : 0
  const meaning = 2.7 * similarity + 3.2 * prominence + close
  return sigmoid(-4.3 + meaning + (2 + 1.7 * similarity) * focus + 0.9 * exactFocus + common)
}

function cueWeight({ cue }: Question, holdsCue: boolean): number {
  if (cue === 'open') return 0
  if (!holdsCue) return isSharp(cue) || cue === 'count' ? -2.3 : -1.3
  return isSharp(cue) ? 1 : 0.3
}
