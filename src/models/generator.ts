/** What writes an answer from passages. The default needs no model and quotes (`extractive`); LLM providers come beside it. */

/** One retrieved chunk as an answer's source; offsets of quotes are relative to `text`. */
export interface Passage {
  readonly chunkId: string
  readonly documentId: string
  readonly title?: string
  readonly headings: readonly string[]
  readonly text: string
  /** Final score of the hit in [0, 1]. */
  readonly score: number
  /** Raw cosine of the chunk and the question; absent when the vector leg did not run. */
  readonly cosine?: number
}

export interface Quote {
  /** Index into the request's passages. */
  readonly passage: number
  /** UTF-16 offsets into the passage's text, half-open. */
  readonly start: number
  readonly end: number
}

export interface AnswerSentence {
  readonly text: string
  readonly quotes: readonly Quote[]
  /** How well the passages support it, in [0, 1]. */
  readonly support: number
}

export interface GeneratorRequest {
  readonly question: string
  /** BCP 47 primary subtag of the question, `und` when undetermined. */
  readonly language: string
  readonly passages: readonly Passage[]
}

export interface GeneratedAnswer {
  /** Empty when the generator abstains: nothing in the passages supports an answer. */
  readonly sentences: readonly AnswerSentence[]
  /** How well the whole is grounded, in [0, 1]. */
  readonly score: number
}

export interface Generator {
  readonly id: string
  /** @throws upstream_failed, upstream_timeout, overloaded */
  answer(request: GeneratorRequest): Promise<GeneratedAnswer>
}
