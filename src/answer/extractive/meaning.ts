/** Likeness of meaning between a question and candidates, and between single words, by the collection's own model. */
import type { Embedder } from '../../models/embedder.ts'
import type { Candidate } from './candidates.ts'
import type { CandidateTerms } from './evidence.ts'
import type { Question, QuestionWord } from './question.ts'

/** A candidate longer than this is compared by its beginning. */
const MAX_COMPARED_LENGTH = 400
/** Words of a candidate that are compared one by one. */
const MAX_COMPARED_WORDS = 16
/** Cosines of single words start far above 0 for unrelated ones: what lies below counts as nothing. */
const UNRELATED = 0.35

/** Embeds each text at most once; for the time of one question. */
export class MeaningReader {
  readonly #embedder: Embedder
  readonly #question: Question
  readonly #vectors = new Map<string, Promise<Float32Array>>()

  constructor(embedder: Embedder, question: Question) {
    this.#embedder = embedder
    this.#question = question
  }

  /** The vector of a candidate; short ones and items are read under what they stand under. */
  vectorOf(candidate: Candidate): Promise<Float32Array> {
    const text = candidate.text.slice(0, MAX_COMPARED_LENGTH).toWellFormed()
    const leansOnContext = candidate.kind !== 'sentence' || text.length < 60 || candidate.before !== ''
    return this.#vector(leansOnContext ? `${candidate.context.slice(-200).toWellFormed()}. ${text}` : text, 'passage')
  }

  /** Cosine of the question with the candidate's vector, or with the question that the candidate answers if that is nearer. */
  async similarity(candidate: Candidate, vector: Float32Array): Promise<number> {
    const asked = await this.#vector(this.#question.text, 'query')
    const cosine = dot(asked, vector)
    return candidate.question === ''
      ? cosine
      : Math.max(cosine, dot(asked, await this.#vector(candidate.question, 'query')))
  }

  /** A function that tells how near the candidate's nearest word is to a word of the question, in [0, 1]. */
  async nearestWords({ own, context, contentWords }: CandidateTerms): Promise<(word: QuestionWord) => number> {
    const missing = this.#question.words.filter(({ term, isName }) => !isName && !own.has(term) && !context.has(term))
    const nearest = new Map<string, number>()
    for (const { word, term } of missing) {
      const vector = await this.#vector(word, 'query')
      let best = 0
      for (const other of contentWords.slice(0, MAX_COMPARED_WORDS)) {
        best = Math.max(best, dot(vector, await this.#vector(other, 'query')))
      }
      nearest.set(term, Math.max(0, (best - UNRELATED) / (1 - UNRELATED)))
    }
    return ({ term }) => nearest.get(term) ?? 0
  }

  #vector(text: string, kind: 'query' | 'passage'): Promise<Float32Array> {
    const key = `${kind} ${text}`
    let vector = this.#vectors.get(key)
    if (vector === undefined) {
      vector = this.#embedder.embed([text], { kind }).then(([embedded]) => embedded ?? new Float32Array(0))
      this.#vectors.set(key, vector)
    }
    return vector
  }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0)
  return sum
}
