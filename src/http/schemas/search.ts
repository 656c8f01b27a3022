/** Searches and answers on the wire. `search/` and `answer/` parse the requests; these schemas describe them. */
import { z } from '@hono/zod-openapi'
import {
  MAX_COLLECTIONS_PER_SEARCH,
  MAX_EXPANDED_HITS,
  MAX_EXPANSION,
  MAX_FACETS,
  MAX_HITS,
  MAX_PROVIDER_NAME_LENGTH,
  MAX_QUERY_BYTES,
  MAX_QUERY_VECTOR_ROWS,
  MAX_RERANK_DEPTH,
} from '../../core/limits.ts'
import { DEFAULT_ALPHA, DEFAULT_RANK_CONSTANT } from '../../core/ranking.ts'
import { DEFAULT_RERANK_DEPTH } from '../../search/parse-rerank.ts'
import { filter, jsonObject, locationFields } from './fields.ts'

const searchFields = {
  query: z
    .string()
    .min(1)
    .optional()
    .openapi({ description: `At most ${MAX_QUERY_BYTES} bytes; required unless there is a vector.` }),
  vector: z
    .union([z.array(z.number()).min(1), z.array(z.array(z.number()).min(1)).min(1).max(MAX_QUERY_VECTOR_ROWS)])
    .optional()
    .openapi({ description: 'A query vector, or the rows of one for a multi-vector; not for public keys.' }),
  using: z
    .string()
    .optional()
    .openapi({ description: "Which of the collection's named vectors is searched; by default the first." }),
  mode: z.enum(['hybrid', 'vector', 'keyword']).optional().openapi({ default: 'hybrid' }),
  limit: z.number().int().min(1).max(MAX_HITS).optional().openapi({ default: 10 }),
  cursor: z.string().optional().openapi({ description: '`nextCursor` of the page before; lives 15 minutes.' }),
  filter: filter.optional(),
  facets: z.array(z.string()).max(MAX_FACETS).optional(),
  fusion: z
    .strictObject({
      method: z.enum(['convex', 'rrf']).optional().openapi({ default: 'convex' }),
      alpha: z.number().min(0).max(1).optional().openapi({ default: DEFAULT_ALPHA }),
      rankConstant: z.number().min(1).max(1e6).optional().openapi({ default: DEFAULT_RANK_CONSTANT }),
    })
    .optional()
    .openapi({ description: 'How the vector leg and the keyword leg become one score.' }),
  rerank: z
    .strictObject({
      model: z
        .string()
        .min(1)
        .max(MAX_PROVIDER_NAME_LENGTH)
        .openapi({ description: 'A model that reranks, by its id.' }),
      depth: z.number().int().min(1).max(MAX_RERANK_DEPTH).optional().openapi({ default: DEFAULT_RERANK_DEPTH }),
    })
    .optional()
    .openapi({
      description:
        'Has a model reorder the first `depth` hits; `limit` is at most that, there is one page, and `score` is its score from 0 to 1. Not for public keys.',
    }),
  groupBy: z.literal('document').optional().openapi({ description: "Keeps each document's best chunk." }),
  exact: z.boolean().optional().openapi({ description: 'Scores every vector; not for public keys.' }),
  minScore: z.number().optional(),
  highlight: z.boolean().optional().openapi({ default: true }),
  explain: z.boolean().optional().openapi({ description: 'How each score came about; not for public keys.' }),
  fields: z
    .array(z.string())
    .optional()
    .openapi({ description: 'Dotted metadata fields that hits carry; all by default.' }),
  feedback: z.boolean().optional().openapi({ description: 'Moves the query towards the first hits and ranks again.' }),
  language: z.string().optional().openapi({ description: "The query's language (BCP 47); wins over detection." }),
  expand: z
    .union([
      z.literal('section'),
      z.strictObject({
        before: z.number().int().min(0).max(MAX_EXPANSION).optional().openapi({ default: 0 }),
        after: z.number().int().min(0).max(MAX_EXPANSION).optional().openapi({ default: 0 }),
      }),
    ])
    .optional()
    .openapi({
      description: `Brings each hit's neighbouring chunks, or those under the same headings, as its \`context\`; \`limit\` is at most ${MAX_EXPANDED_HITS} then.`,
    }),
}

export const searchSchema = z.strictObject(searchFields).openapi('Search')

const collections = z.array(z.string()).min(1).max(MAX_COLLECTIONS_PER_SEARCH)

export const searchCollectionsSchema = z.strictObject({ collections, ...searchFields }).openapi('SearchCollections')

const span = { start: z.number().int(), end: z.number().int() }

interface ExplanationShape {
  value: number
  description: string
  details: ExplanationShape[]
}

const explanationSchema: z.ZodType<ExplanationShape> = z
  .object({ value: z.number(), description: z.string(), details: z.array(z.lazy(() => explanationSchema)) })
  .openapi('Explanation')

const hitSchema = z
  .object({
    id: z.string().openapi({ description: '`<documentId>#<ordinal>`.' }),
    documentId: z.string(),
    ordinal: z.number().int(),
    collection: z.string().optional().openapi({ description: 'Only in searches over several collections.' }),
    score: z.number(),
    scores: z
      .object({ vector: z.number().optional(), keyword: z.number().optional(), rerank: z.number().optional() })
      .optional()
      .openapi({ description: 'Raw scores of the legs that ran and of the model that reranked; not for public keys.' }),
    title: z.string().optional(),
    url: z.string().optional(),
    text: z.string().openapi({ description: "The document's text from `start` to `end`." }),
    ...span,
    headings: z.array(z.string()).optional(),
    ...locationFields,
    context: z
      .object({
        text: z.string().openapi({ description: "The document's text from `start` to `end`." }),
        ...span,
        chunks: z.array(
          z.object({ id: z.string(), ...span, headings: z.array(z.string()).optional(), ...locationFields }),
        ),
      })
      .optional()
      .openapi({ description: 'The chunk with its neighbours, where the search said `expand`.' }),
    highlights: z.array(z.object(span)).openapi({ description: 'Offsets into `text`.' }),
    metadata: jsonObject,
    explain: explanationSchema.optional(),
  })
  .openapi('Hit')

const facetValueSchema = z.object({ value: z.union([z.string(), z.number(), z.boolean()]), count: z.number().int() })

export const searchResultSchema = z
  .object({
    hits: z.array(hitSchema),
    estimatedTotal: z.number().int().openapi({ description: 'Documents of the whole ranked set.' }),
    facets: z.record(z.string(), z.array(facetValueSchema)).optional(),
    nextCursor: z.string().nullable(),
    tookMs: z.number(),
    generation: z.string(),
    degraded: z
      .array(z.enum(['vector', 'rerank']))
      .optional()
      .openapi({ description: 'What could not run: a leg, or the reranking, and the fused order stands.' }),
  })
  .openapi('SearchResult')

const message = z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })

const contextSearchSchema = searchSchema.omit({ cursor: true, facets: true, explain: true }).openapi('ContextSearch')

export const answerSchema = z
  .strictObject({
    question: z.string().min(1).optional(),
    messages: z
      .array(message)
      .min(1)
      .max(100)
      .optional()
      .openapi({ description: 'The last user message is the question.' }),
    search: contextSearchSchema.optional().openapi({ description: 'How the context is searched for.' }),
    generator: z.literal('extractive').optional(),
  })
  .openapi('Ask', { description: 'Either `question` or `messages`.' })

const citationSchema = z
  .object({
    documentId: z.string(),
    chunkId: z.string(),
    ...span,
    quote: z.string().openapi({ description: "The document's text from `start` to `end`, exactly." }),
    title: z.string().optional(),
    url: z.string().optional(),
    headings: z.array(z.string()).optional(),
    ...locationFields,
  })
  .openapi('Citation')

export const answerResultSchema = z
  .object({
    answer: z.string().openapi({ description: 'Empty when nothing supports an answer.' }),
    citations: z.array(citationSchema),
    grounding: z.object({
      score: z.number(),
      sentences: z.array(z.object({ text: z.string(), supported: z.boolean(), citations: z.array(z.number().int()) })),
    }),
    abstained: z.boolean(),
    hits: z.array(hitSchema),
  })
  .openapi('Answer')
