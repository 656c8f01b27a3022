/** How well does a candidate answer a question? Measured by words, by meaning, and by what kind of thing was asked for. */
import { isFunctionWord } from '../../text/function-words.ts'
import { foldMarks } from '../../text/fold.ts'
import { term } from '../../text/stem.ts'
import { words } from '../../text/words.ts'
import type { Candidate } from './candidates.ts'
import { cueOf, holdsCue, namesAttribute, type Question, type QuestionWord } from './question.ts'

export interface Evidence {
  /** Cosine of question and candidate, or of question and the question that it answers; `undefined` without an embedder. */
  readonly similarity: number | undefined
  /** Difference of `similarity` to the mean of all candidates that were looked at closely. */
  readonly prominence: number
  /**
   * Share, by weight, of the words that are no names and that title and headings do not hold already (the focus: who climbed,
   * what colour) that the candidate holds; a missing word counts as far as its nearest word is near in meaning.
   */
  readonly focus: number
  /** The same without nearness. */
  readonly exactFocus: number
  /** How much of the question the title and headings hold, by weight. */
  readonly topic: number
  /** 1 where a name of the question is nowhere in the document, 0.3 where only elsewhere in it, 0 where none is missing. */
  readonly missingNames: number
  /** Whether the candidate itself holds every word of a question of at least three. */
  readonly holdsAll: boolean
  readonly holdsCue: boolean
  /** Whether the candidate itself names the attribute that is asked for. */
  readonly namesAttribute: boolean
}

/** The terms of a candidate, in the question's term space. */
export interface CandidateTerms {
  /** Of the candidate, and of the question that it answers. */
  readonly own: ReadonlySet<string>
  readonly context: ReadonlySet<string>
  readonly before: ReadonlySet<string>
  /** Content words of the candidate and its context as written, for comparison by meaning. */
  readonly contentWords: readonly string[]
}

export function termsOf({ text, context, question, before }: Candidate, language: string): CandidateTerms {
  const stopLanguage = language === 'und' ? 'en' : language
  const contentWords = new Set<string>()
  const read = (part: string, keep: boolean): Set<string> => {
    const terms = new Set<string>()
    for (const word of words(part)) {
      terms.add(term(word.text, language))
      if (keep && word.text.length > 2 && !isFunctionWord(foldMarks(word.text), stopLanguage))
        contentWords.add(word.text)
    }
    return terms
  }
  const own = read(question === '' ? text : `${question} ${text}`, true)
  return { own, context: read(context, true), before: read(before, false), contentWords: [...contentWords] }
}

/** How much each word of the question tells, by how few candidates hold it; between 0.4 and 1, twice that for an action. */
export function weightsOf(question: Question, candidates: readonly CandidateTerms[]): number[] {
  const total = Math.max(1, candidates.length)
  const most = Math.log(1 + total)
  return question.words.map((word) => {
    const holders = candidates.filter(({ own }) => own.has(word.term)).length
    return (word.isAction ? 2 : 1) * (0.4 + 0.6 * (Math.log((1 + total) / (1 + holders)) / most))
  })
}

/** A word that the candidate lacks but its document has elsewhere counts this much less. */
const ELSEWHERE = 0.4

/**
 * `elsewhere` has the terms of all passages of the candidate's document, `nearest` tells how near in meaning the nearest word of the candidate is to a word
 * that it does not hold, in [0, 1]. Similarity is added by the caller.
 */
export function evidenceOf(
  question: Question,
  weights: readonly number[],
  candidate: Candidate,
  terms: CandidateTerms,
  elsewhere: ReadonlySet<string>,
  nearest: (word: QuestionWord) => number,
): Evidence {
  let all = 0
  let topic = 0
  let focus = 0
  let exact = 0
  let near = 0
  let missing = 0
  for (const [index, word] of question.words.entries()) {
    const weight = weights[index] ?? 1
    const isTopic = terms.context.has(word.term)
    const isOwn = terms.own.has(word.term)
    const isBefore = terms.before.has(word.term)
    all += weight
    if (isTopic || (word.isName && (isOwn || isBefore))) topic += weight
    else if (!word.isName) {
      const counted = isOwn || !elsewhere.has(word.term) ? weight : weight * ELSEWHERE
      focus += counted
      if (isOwn) exact += counted
      near += counted * (isOwn ? 1 : Math.max(isBefore ? 0.5 : 0, nearest(word)))
    }
    if (word.isName) {
      if (!isTopic && !isOwn && !isBefore) missing = Math.max(missing, elsewhere.has(word.term) ? 0.3 : 1)
    }
  }
  return {
    similarity: undefined,
    prominence: 0,
    focus: focus === 0 ? 1 : near / focus,
    exactFocus: focus === 0 ? 1 : exact / focus,
    topic: all === 0 ? 0 : topic / all,
    missingNames: missing,
    holdsAll: question.words.length >= 3 && question.words.every((word) => terms.own.has(word.term)),
    holdsCue:
      holdsCue(candidate.text, question) || (candidate.question !== '' && cueOf(candidate.question) === question.cue),
    namesAttribute: namesAttribute(candidate.text, question.cue),
  }
}
