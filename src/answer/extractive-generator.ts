/**
 * Answers without a language model: quotes the sentences of the passages that answer, word for word, or abstains. Evidence
 * is the question's words in a sentence and around it, likeness of meaning where there is an embedder, and the kind of thing asked for;
 * its weights were fitted on the questions of `test/fixtures/answers`.
 */
import type { Embedder } from '../models/embedder.ts'
import type { AnswerSentence, GeneratedAnswer, Generator, GeneratorRequest, Passage } from '../models/generator.ts'
import { detectLanguage } from '../text/language.ts'
import { candidatesOf, type Candidate } from './extractive/candidates.ts'
import { confidenceOf, MIN_CONFIDENCE } from './extractive/confidence.ts'
import { evidenceOf, termsOf, weightsOf, type CandidateTerms, type Evidence } from './extractive/evidence.ts'
import { MeaningReader } from './extractive/meaning.ts'
import { plainText } from './extractive/plain-text.ts'
import { readQuestion, type Question, type QuestionWord } from './extractive/question.ts'
import { withoutUrls } from './extractive/without-urls.ts'

/** Candidates that are looked at closely, each for one embedding. */
const MAX_CLOSE_CANDIDATES = 16
/** Of those, how many are compared word by word. */
const MAX_COMPARED_CANDIDATES = 3
const MAX_SENTENCES = 3
const STRANGERS = 4
const STRANGER_SIMILARITY = 0.15

export interface Scored {
  readonly candidate: Candidate
  readonly terms: CandidateTerms
  readonly evidence: Evidence
  /** How sure it answers the question, in [0, 1]. */
  readonly confidence: number
  readonly vector: Float32Array | undefined
}

export class ExtractiveGenerator implements Generator {
  readonly id = 'extractive'
  readonly #embedder: Embedder | undefined

  /** Without an embedder words alone decide. */
  constructor(embedder: Embedder | undefined) {
    this.#embedder = embedder
  }

  async answer(request: GeneratorRequest): Promise<GeneratedAnswer> {
    const scored = await this.score(request)
    const [best] = scored
    if (best === undefined) return { sentences: [], score: 0 }
    if (best.confidence < MIN_CONFIDENCE) return { sentences: [], score: best.confidence }
    const question = readQuestion(request.question, languageOf(request))
    const sentences = choose(scored, question).map(
      ({ candidate: { passage, start, end, text, kind } }): AnswerSentence => ({
        text: plainText(withoutUrls(text), kind),
        quotes: [{ passage, start, end }],
        support: 1,
      }),
    )
    return { sentences: sentences.filter((sentence) => sentence.text !== ''), score: best.confidence }
  }

  /** Scores the likeliest candidates, best first; what `answer` chooses from, and what its weights are fitted on. */
  async score(request: GeneratorRequest): Promise<Scored[]> {
    const language = languageOf(request)
    const question = readQuestion(request.question, language)
    const candidates = distinct(request.passages.flatMap((passage, index) => candidatesOf(passage, index, language)))
    if (candidates.length === 0 || (question.words.length === 0 && question.cue === 'open')) return []
    const terms = candidates.map((candidate) => termsOf(candidate, language))
    const weights = weightsOf(question, terms)
    const elsewhere = termsByDocument(candidates, terms, request.passages)
    const read = candidates.map((candidate, index): Read => {
      const passage = request.passages[candidate.passage]
      const known = elsewhere.get(passage?.documentId ?? '') ?? NONE
      return { candidate, terms: terms[index] ?? NO_TERMS, elsewhere: known, passageScore: passage?.score ?? 0 }
    })
    const weigh = (one: Read, nearest: (word: QuestionWord) => number): Evidence =>
      evidenceOf(question, weights, one.candidate, one.terms, one.elsewhere, nearest)
    const close = best(read, MAX_CLOSE_CANDIDATES, (one) => {
      const { focus, topic, holdsCue } = weigh(one, never)
      return focus + topic + (holdsCue ? 0.3 : 0) + one.passageScore
    })
    const meaning = this.#meaningOf(question)
    const vectors: (Float32Array | undefined)[] = []
    const similarities: (number | undefined)[] = []
    for (const { candidate } of close) {
      if (meaning !== undefined) await pause()
      const vector = await meaning?.vectorOf(candidate)
      vectors.push(vector)
      similarities.push(vector === undefined ? undefined : await meaning?.similarity(candidate, vector))
    }
    // A few made-up strangers keep the mean honest where there are only a few sentences.
    const total = similarities.reduce<number>((sum, value) => sum + (value ?? 0), 0)
    const mean = (total + STRANGERS * STRANGER_SIMILARITY) / (close.length + STRANGERS)
    const score = (one: Read, index: number, nearest: (word: QuestionWord) => number): Scored => {
      const similarity = similarities[index]
      const evidence = { ...weigh(one, nearest), similarity, prominence: (similarity ?? 0) - mean }
      const { candidate, terms: own } = one
      const confidence = confidenceOf(evidence, question, candidate)
      return { candidate, terms: own, evidence, confidence, vector: vectors[index] }
    }
    const scored = close.map((one, index) => score(one, index, never))
    // Comparing words one by one is dear; the likeliest alone are worth it.
    const likeliest = best([...close.keys()], MAX_COMPARED_CANDIDATES, (index) => scored[index]?.confidence ?? 0)
    for (const index of likeliest) {
      const one = close[index]
      if (meaning !== undefined && one !== undefined)
        scored[index] = score(one, index, await meaning.nearestWords(one.terms))
    }
    return scored.toSorted((a, b) => b.confidence - a.confidence)
  }

  /** In languages that the model was not trained for its likeness means nothing, and words alone decide. */
  #meaningOf(question: Question): MeaningReader | undefined {
    const languages = this.#embedder?.profile.languages ?? []
    const isKnown = languages.length === 0 || question.language === 'und' || languages.includes(question.language)
    return this.#embedder === undefined || !isKnown ? undefined : new MeaningReader(this.#embedder, question)
  }
}

/** A candidate with what is known of it before meaning is looked at. */
interface Read {
  readonly candidate: Candidate
  readonly terms: CandidateTerms
  /** Terms of all passages of its document. */
  readonly elsewhere: ReadonlySet<string>
  readonly passageScore: number
}

const NONE: ReadonlySet<string> = new Set()

function best<T>(items: readonly T[], count: number, scoreOf: (item: T) => number): T[] {
  return items
    .map((item) => ({ item, score: scoreOf(item) }))
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
    .map(({ item }) => item)
}

function termsByDocument(
  candidates: readonly Candidate[],
  terms: readonly CandidateTerms[],
  passages: readonly Passage[],
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  for (const [index, candidate] of candidates.entries()) {
    const document = passages[candidate.passage]?.documentId ?? ''
    const known = found.get(document) ?? new Set<string>()
    for (const term of terms[index]?.own ?? NONE) known.add(term)
    found.set(document, known)
  }
  return found
}

const never = (): number => 0

/** Lets other requests of the isolate have their turn between two embeddings. */
const pause = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 0)
  })

const NO_TERMS: CandidateTerms = { own: new Set(), context: new Set(), before: new Set(), contentWords: [] }

function languageOf({ language, question, passages }: GeneratorRequest): string {
  if (language !== 'und') return language
  return detectLanguage([question, ...passages.slice(0, 4).map((passage) => passage.text)].join('\n'))
}

/** Overlapping chunks bring the same sentence twice. */
function distinct(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>()
  return candidates.filter(({ kind, text }) => {
    const key = `${kind} ${text}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/**
 * The best candidate, and up to two more that are nearly as sure and say something else (maximal marginal relevance,
 * Carbonell & Goldstein 1998): for questions that one sentence answers only where it adds words that were asked for.
 */
function choose(scored: readonly Scored[], question: Question): Scored[] {
  const chosen: Scored[] = []
  for (const next of scored) {
    const [best] = chosen
    if (best === undefined) {
      chosen.push(next)
      continue
    }
    if (chosen.length >= MAX_SENTENCES || next.confidence < MIN_CONFIDENCE) break
    if (next.confidence < (question.isBroad ? 0.8 : 0.9) * best.confidence) break
    if (chosen.some((known) => overlaps(known.candidate, next.candidate) || repeats(known, next))) continue
    const known = new Set(chosen.flatMap(({ terms }) => [...terms.own]))
    const adds = question.words.some(({ term }) => next.terms.own.has(term) && !known.has(term))
    if (question.isBroad || adds) chosen.push(next)
  }
  return chosen.toSorted((a, b) => a.candidate.passage - b.candidate.passage || a.candidate.start - b.candidate.start)
}

const overlaps = (a: Candidate, b: Candidate): boolean => a.passage === b.passage && a.start < b.end && b.start < a.end

/** Nearly the same words, or nearly the same meaning. */
function repeats(a: Scored, b: Scored): boolean {
  const shared = [...b.terms.own].filter((term) => a.terms.own.has(term)).length
  if (shared >= 0.8 * Math.min(a.terms.own.size, b.terms.own.size)) return true
  if (a.vector === undefined || b.vector === undefined) return false
  let dot = 0
  for (const [i, value] of a.vector.entries()) dot += value * (b.vector[i] ?? 0)
  return dot > 0.9
}
