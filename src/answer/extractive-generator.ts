/**
 * Answers without a language model: quotes the sentences of the passages that answer, word for word, or abstains. Evidence
 * is the question's words in a sentence and around it, likeness of meaning where there is an embedder, and the kind of thing asked for;
 * its weights were fitted on the questions of `test/fixtures/answers`.
 */
import type { Embedder } from '../models/embedder.ts'
import type { AnswerSentence, GeneratedAnswer, Generator, GeneratorRequest } from '../models/generator.ts'
import { detectLanguage } from '../text/language.ts'
import { candidatesOf, type Candidate } from './extractive/candidates.ts'
import { confidenceOf, MIN_CONFIDENCE } from './extractive/confidence.ts'
import { evidenceOf, termsOf, weightsOf, type CandidateTerms, type Evidence } from './extractive/evidence.ts'
import { MeaningReader } from './extractive/meaning.ts'
import { readQuestion, type Question } from './extractive/question.ts'
import { withoutUrls } from './extractive/without-urls.ts'

/** Candidates that are looked at closely, each for one embedding. */
const MAX_CLOSE_CANDIDATES = 12
const MAX_SENTENCES = 3

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
    const sentences = choose(scored, question).map(({ candidate: { passage, start, end, text } }): AnswerSentence => ({
      text: withoutUrls(text),
      quotes: [{ passage, start, end }],
      support: 1,
    }))
    return { sentences: sentences.filter((sentence) => sentence.text !== ''), score: best.confidence }
  }

  /** Scores the likeliest candidates, best first; what `answer` chooses from, and what its weights are fitted on. */
  async score(request: GeneratorRequest): Promise<Scored[]> {
    const language = languageOf(request)
    const question = readQuestion(request.question, language)
    const candidates = distinct(request.passages.flatMap((passage, index) => candidatesOf(passage, index, language)))
    if (candidates.length === 0) return []
    const terms = candidates.map((candidate) => termsOf(candidate, language))
    const weights = weightsOf(question, terms)
    const rough = candidates
      .map((candidate, index) => {
        const own = terms[index] ?? NO_TERMS
        const { coverage, contextCoverage, holdsCue } = evidenceOf(question, weights, candidate, own, undefined, never)
        const passage = request.passages[candidate.passage]
        const score = coverage + contextCoverage + (holdsCue ? 0.3 : 0) + (passage?.score ?? 0)
        return { candidate, own, score }
      })
      .toSorted((a, b) => b.score - a.score)
      .slice(0, MAX_CLOSE_CANDIDATES)
    const meaning = this.#embedder === undefined ? undefined : new MeaningReader(this.#embedder, question)
    const close = await Promise.all(
      rough.map(async ({ candidate, own }): Promise<Scored> => {
        const vector = await meaning?.vectorOf(candidate)
        const similarity = vector === undefined ? undefined : await meaning?.similarity(vector)
        const nearest = (await meaning?.nearestWords(own)) ?? never
        const evidence = evidenceOf(question, weights, candidate, own, similarity, nearest)
        return { candidate, terms: own, evidence, confidence: confidenceOf(evidence, question, candidate), vector }
      }),
    )
    return close.toSorted((a, b) => b.confidence - a.confidence)
  }
}

const never = (): number => 0
const NO_TERMS: CandidateTerms = { own: new Set(), context: new Set(), contentWords: [] }

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
