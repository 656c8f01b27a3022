/**
 * What a `PUT …/documents` says and what it is answered: wire types only. `parsePutRequest` in `validate-document.ts`
 * turns an untrusted body into a `PutDocumentsRequest`; nothing else makes one.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import type { JobId } from '../core/ids.ts'
import type { ProblemCode } from '../core/problem.ts'
import type { ChunkInput } from './caller-chunks.ts'
import type { CallerVectors } from './caller-vectors.ts'

/**
 * One document as the caller sends it. Exactly one of `text`, `markdown`, `html`; with `vector` or `vectors`, or with `chunks` that
 * are texts, all three are absent or may be.
 */
export interface DocumentInput {
  readonly id: string
  readonly text?: string
  readonly markdown?: string
  readonly html?: string
  readonly title?: string
  /** Absolute, http or https. */
  readonly url?: string
  /** A BCP 47 tag, or `auto`. */
  readonly language?: string
  readonly metadata?: JsonObject
  /** Who may read it beside secret keys; absent: every reader of the collection. */
  readonly acl?: readonly string[]
  /** Chunks that the caller cut: places in `text` or `markdown`, else texts. Not beside `html` and vectors. */
  readonly chunks?: readonly ChunkInput[]
  /** The caller's own vector of the whole document, in collections of `bring-your-own`. */
  readonly vector?: readonly number[]
  /** The same where the collection names its vectors: all that the document has. Not beside `vector`. */
  readonly vectors?: CallerVectors
}

declare const validated: unique symbol

/** A body whose every field was checked. The brand makes `parsePutRequest` the only way to get one. */
export interface PutDocumentsRequest {
  readonly documents: readonly DocumentInput[]
  /** Stores nothing and says what it would use. */
  readonly dryRun?: boolean
  readonly [validated]: true
}

/** How the caller wants to wait: RFC 7240's `respond-async` and `wait`. */
export interface WritePreference {
  readonly respondAsync: boolean
  readonly waitSeconds?: number
}

/** The outcome of one document; results stand in the request's order. */
export interface DocumentResult {
  readonly id: string
  readonly status: 'created' | 'replaced' | 'unchanged' | 'failed'
  /** Chunks of the accepted version; 0 when it failed. */
  readonly chunks: number
  /** The version this write got; 0 when it failed. */
  readonly version: number
  readonly error?: { readonly code: ProblemCode; readonly detail: string }
}

/** What a write would use. `documents`, `chunks` and `bytes` are of those that would be written. */
export interface WriteEstimate {
  readonly dryRun: true
  readonly documents: number
  readonly chunks: number
  /** UTF-8 bytes of the texts. */
  readonly bytes: number
  /** Model tokens of chunks that want a new vector. */
  readonly embeddingTokens: number
  readonly unchanged: number
  /** Documents that would fail before anything is spent on them. */
  readonly failed: number
  /** By the price table; what is stored costs besides. */
  readonly estimatedCost: { readonly currency: 'USD'; readonly amount: number }
}

export type PutOutcome =
  | { readonly kind: 'estimate'; readonly estimate: WriteEstimate }
  | { readonly kind: 'done'; readonly results: readonly DocumentResult[] }
  | { readonly kind: 'job'; readonly jobId: JobId }
