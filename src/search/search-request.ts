/** What a search says and what it is answered, on the wire. `parse-search-request.ts` turns untrusted JSON into one. */
import type { Json, JsonObject } from '../core/canonical-json.ts'
import type { SearchMode } from '../core/ranking.ts'
import type { Explanation } from '../keyword/keyword-index.ts'
import type { FacetValue } from '../metadata/metadata-index.ts'
import type { Location } from '../shard/shard-api.ts'

export interface FusionRequest {
  /** `convex` by default. */
  readonly method?: 'convex' | 'rrf'
  /** Weight of the vector leg, 0 to 1; 0.6 by default. */
  readonly alpha?: number
  /** The constant of reciprocal rank fusion, at least 1; 60 by default. */
  readonly rankConstant?: number
}

export interface RerankRequest {
  /** A model of the tenant's that reranks, by its name, or one of Workers AI. */
  readonly model: string
  /** 1 to 100; 50 by default. */
  readonly depth?: number
}

export interface SearchRequest {
  readonly query?: string
  /** A query vector of the collection's dimensions, instead of or beside the embedded query; rows for a multi-vector. */
  readonly vector?: readonly number[] | readonly (readonly number[])[]
  /** The named vector that is searched; the first of the collection by default. */
  readonly using?: string
  /** `hybrid` by default. */
  readonly mode?: SearchMode
  /** 1 to 1,000; 10 by default. Counts documents under `groupBy`. */
  readonly limit?: number
  readonly cursor?: string
  /** MongoDB semantics over metadata and `$id`; see `metadata/parse-filter.ts`. */
  readonly filter?: Json
  /** Metadata fields to count over the whole ranked set. */
  readonly facets?: readonly string[]
  readonly fusion?: FusionRequest
  /** Has a model reorder the first hits; there is one page then. */
  readonly rerank?: RerankRequest
  /** Keeps each document's best chunk. */
  readonly groupBy?: 'document'
  /** Scores every vector at full stored precision. */
  readonly exact?: boolean
  /** Cuts the ranked set at this score, facets and `estimatedTotal` included. */
  readonly minScore?: number
  /** Whether hits carry highlights; true by default. */
  readonly highlight?: boolean
  readonly explain?: boolean
  /** Dotted metadata fields that hits carry; all by default, `[]` for none. */
  readonly fields?: readonly string[]
  /** Moves the query vector towards the first hits and ranks again. */
  readonly feedback?: boolean
  /** The query's language as a BCP 47 tag; wins over detection. */
  readonly language?: string
  /** Brings each hit's neighbours as its `context`; at most 100 hits a page then. */
  readonly expand?: { readonly before?: number; readonly after?: number } | 'section'
}

export interface Highlight {
  /** UTF-16 offsets into the hit's text, half-open. */
  readonly start: number
  readonly end: number
}

/** A chunk of a hit's context; its location as in a hit. */
export interface ContextChunk extends Location {
  readonly id: string
  readonly start: number
  readonly end: number
  readonly headings?: readonly string[]
}

/** A hit with its neighbours as one stretch of the document. */
export interface HitContext {
  /** The document's text from `start` to `end`. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** In order; they may overlap. The hit's own is among them. */
  readonly chunks: readonly ContextChunk[]
}

/** `page`, `sheet`, `row`, `startTime`, `endTime`: where the chunk stands in the file that it comes from. */
export interface Hit extends Location {
  /** `<documentId>#<ordinal>`. */
  readonly id: string
  readonly documentId: string
  readonly ordinal: number
  /** The collection's name; only in searches over several collections. */
  readonly collection?: string
  /** convex in [0, 1], rrf the sum, keyword raw BM25, vector cosine; reranked: the model's, calibrated to [0, 1]. */
  readonly score: number
  /** Raw scores of the legs that ran, and of the model that reranked; absent for public keys and tokens. */
  readonly scores?: { readonly vector?: number; readonly keyword?: number; readonly rerank?: number }
  readonly title?: string
  readonly url?: string
  /** The document's text from `start` to `end`. */
  readonly text: string
  readonly start: number
  readonly end: number
  readonly headings?: readonly string[]
  /** Where the search said `expand`. */
  readonly context?: HitContext
  readonly highlights: readonly Highlight[]
  readonly metadata: JsonObject
  /** A tree whose root value is the score. */
  readonly explain?: Explanation
}

export interface SearchResponse {
  readonly hits: readonly Hit[]
  /** Distinct documents of the whole ranked set. */
  readonly estimatedTotal: number
  readonly facets?: { readonly [field: string]: readonly FacetValue[] }
  readonly nextCursor: string | null
  readonly tookMs: number
  /** The generation that answered; over several collections theirs, joined by a comma in the request's order. */
  readonly generation: string
  /** What could not run: `vector` when the query could not be embedded, `rerank` when the fused order stands. */
  readonly degraded?: readonly ('vector' | 'rerank')[]
}

/** Milliseconds by stage, for `Server-Timing`; of the legs the slowest shard's. */
export interface SearchTimings {
  readonly embed: number
  readonly vector: number
  readonly keyword: number
  readonly fuse: number
  /** Only of searches that ask for it. */
  readonly rerank?: number
}
