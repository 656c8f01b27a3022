/**
 * Checked by the compiler alone: what the use-cases answer is what the HTTP schemas document, and what the schemas
 * document is what the client reads. A field that is added on one side only does not compile.
 */
import type { z } from '@hono/zod-openapi'
import type { AnswerResponse } from '../../src/answer/answer-request.ts'
import type * as client from '../../src/client/client.ts'
import type { putResultSchema, documentSchema } from '../../src/http/schemas/document.ts'
import type { jobSchema } from '../../src/http/schemas/job.ts'
import type { answerResultSchema, searchResultSchema } from '../../src/http/schemas/search.ts'
import type { DocumentView } from '../../src/ingest/document-view.ts'
import type { JobView } from '../../src/ingest/job-view.ts'
import type { DocumentResult } from '../../src/ingest/put-request.ts'
import type { SearchResponse } from '../../src/search/search-request.ts'

/** `readonly` says who may write a value in this program; on the wire it means nothing. Optional members count as members. */
type Wire<T> = T extends readonly (infer Item)[]
  ? Wire<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]-?: Wire<T[Key]> | (undefined extends T[Key] ? undefined : never) }
    : T

/** Compiles only if each type fits the other. */
type Same<A, B> = [Wire<A>] extends [Wire<B>]
  ? [Wire<B>] extends [Wire<A>]
    ? true
    : 'the second lacks something'
  : 'the first lacks something'
type Fits<A, B> = [Wire<A>] extends [Wire<B>] ? true : false

export const documentsAreTheSame: Same<DocumentView, z.output<typeof documentSchema>> = true
export const jobsAreTheSame: Same<JobView, z.output<typeof jobSchema>> = true
export const searchesAreTheSame: Same<SearchResponse, z.output<typeof searchResultSchema>> = true
export const answersAreTheSame: Same<AnswerResponse, z.output<typeof answerResultSchema>> = true
export const putResultsFit: Fits<{ results: DocumentResult[] }, z.output<typeof putResultSchema>> = true

export const clientReadsSearches: Fits<z.output<typeof searchResultSchema>, client.SearchResult> = true
export const clientReadsAnswers: Fits<z.output<typeof answerResultSchema>, client.AnswerResult> = true
export const clientReadsJobs: Fits<z.output<typeof jobSchema>, client.Job> = true
export const clientReadsPutResults: Fits<z.output<typeof putResultSchema>, client.PutResult> = true
