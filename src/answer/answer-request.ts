/** What a question says and what it is answered, on the wire. `parse-answer-request.ts` turns untrusted JSON into one. */
import type { Location } from '../chunking/document-text.ts'
import type { Hit, SearchRequest } from '../search/search-request.ts'

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** Either `question` or `messages`, whose last user message is the question. */
export interface AnswerRequest {
  readonly question?: string
  readonly messages?: readonly Message[]
  /** How the context is searched for; its `query` is the question unless it says otherwise. */
  readonly search?: Partial<SearchRequest>
  readonly generator?: 'extractive'
  readonly stream?: false
}

/** `page`, `sheet`, `row`, `startTime`, `endTime`: where the quote stands in the file that it comes from. */
export interface Citation extends Location {
  readonly documentId: string
  readonly chunkId: string
  /** UTF-16 offsets into the document's text, half-open. */
  readonly start: number
  readonly end: number
  /** The document's text from `start` to `end`, exactly. */
  readonly quote: string
  readonly title?: string
  readonly url?: string
  /** Outermost first; absent where there are none. */
  readonly headings?: readonly string[]
}

export interface GroundedSentence {
  readonly text: string
  /** Whether every word of the sentence stands in its citations. */
  readonly supported: boolean
  /** Indexes into the answer's `citations`. */
  readonly citations: readonly number[]
}

export interface AnswerResponse {
  /** The sentences, joined; empty when nothing in the documents supports an answer. */
  readonly answer: string
  readonly citations: readonly Citation[]
  readonly grounding: {
    /** How sure the generator is that the citations answer the question, in [0, 1]; also given where it abstains. */
    readonly score: number
    readonly sentences: readonly GroundedSentence[]
  }
  readonly abstained: boolean
  /** What was searched for context, best first. */
  readonly hits: readonly Hit[]
}
