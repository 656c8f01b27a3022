/** How well does a candidate answer a question? Measured by words, by meaning, and by what kind of thing was asked for. */
import { isFunctionWord } from '../../text/function-words.ts'
import { foldMarks } from '../../text/fold.ts'
import { term } from '../../text/stem.ts'
import { words } from '../../text/words.ts'
import type { Candidate } from './candidates.ts'
import { holdsCue, type Question, type QuestionWord } from './question.ts'

export interface Evidence {
  /** Cosine of question and candidate (with what it stands under); `undefined` without an embedder. */
  readonly similarity: number | undefined
  /** Share of the question's words, by weight, that stand in the candidate itself. */
  readonly coverage: number
  /** The same in the candidate or what it stands under. */
  readonly contextCoverage: number
  /** `contextCoverage` plus, for each missing word, how near the candidate's nearest word is in meaning. */
  readonly alignment: number
  /** Share of the question's names that stand neither in the candidate nor in its context. */
  readonly missingNames: number
  readonly holdsCue: boolean
}

/** The terms of a candidate and of its context, in the question's term space. */
export interface CandidateTerms {
  readonly own: ReadonlySet<string>
  readonly context: ReadonlySet<string>
  /** Content words of the candidate as written, for comparison by meaning. */
  readonly contentWords: readonly string[]
}

export function termsOf(candidate: Candidate, language: string): CandidateTerms {
  const own = new Set<string>()
  const contentWords = new Set<string>()
  const stopLanguage = language === 'und' ? 'en' : language
  for (const { text } of words(candidate.text)) {
    own.add(term(text, language))
    if (text.length > 2 && !isFunctionWord(foldMarks(text), stopLanguage)) contentWords.add(text)
  }
  const context = new Set(words(candidate.context).map(({ text }) => term(text, language)))
  return { own, context, contentWords: [...contentWords] }
}

/** How much each word of the question tells, by how few candidates hold it; between 0.4 and 1. */
export function weightsOf(question: Question, candidates: readonly CandidateTerms[]): number[] {
  const total = Math.max(1, candidates.length)
  const most = Math.log(1 + total)
  return question.words.map((word) => {
    const holders = candidates.filter(({ own }) => own.has(word.term)).length
    return 0.4 + 0.6 * (Math.log((1 + total) / (1 + holders)) / most)
  })
}

/** `nearest` tells how near in meaning the nearest word of the candidate is to a word that it does not hold, in [0, 1]. */
export function evidenceOf(
  question: Question,
  weights: readonly number[],
  candidate: Candidate,
  terms: CandidateTerms,
  similarity: number | undefined,
  nearest: (word: QuestionWord) => number,
): Evidence {
  let all = 0
  let own = 0
  let context = 0
  let aligned = 0
  let names = 0
  let missing = 0
  for (const [index, word] of question.words.entries()) {
    const weight = weights[index] ?? 1
    const inOwn = terms.own.has(word.term)
    const inContext = inOwn || terms.context.has(word.term)
    all += weight
    if (inOwn) own += weight
    if (inContext) context += weight
    aligned += weight * (inContext ? 1 : nearest(word))
    if (word.isName) {
      names++
      if (!inContext) missing++
    }
  }
  const share = (part: number): number => (all === 0 ? 0 : part / all)
  return {
    similarity,
    coverage: share(own),
    contextCoverage: share(context),
    alignment: share(aligned),
    missingNames: names === 0 ? 0 : missing / names,
    holdsCue: holdsCue(candidate.text, question.cue),
  }
}
