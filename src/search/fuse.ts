/**
 * Brings the candidates of all shards into one ranking, exactly as the definition in `core/ranking.ts` says: raw scores
 * come in, maxima and ranks are taken over the whole ranked set, ties fall by document id and ordinal (and last by
 * collection name, where several collections are searched). O(n) for the scores, O(n log n) only for ranks.
 */
import { compareUtf8 } from '../core/bytes.ts'
import {
  convexScore,
  reciprocalRankScore,
  type Fusion,
  type Maxima,
  type Position,
  type SearchMode,
} from '../core/ranking.ts'
import { KEYWORD_LEG, VECTOR_LEG, type ShardCandidates } from '../shard/shard-api.ts'

/** The candidates of one shard, with what their scores may be compared with. */
export interface Source {
  /** The collection's name. */
  readonly collection: string
  /** Vectors of one space are comparable: the profile, its version and dimensions, and the name where vectors have names. */
  readonly space: string
  /** Whether the vector leg compared many vectors with many. */
  readonly isMulti?: boolean
  readonly candidates: ShardCandidates
}

/** Maxima of the raw scores over the whole ranked set: of keywords over everything, of cosines within each space. */
export interface LegMaxima {
  readonly keyword: number
  readonly vector: { readonly [space: string]: number }
}

export interface FusionPlan {
  readonly mode: SearchMode
  readonly fusion: Fusion
  /** λ(query) by space: 1 if the query's language is in the space's profile or undetermined, else 0. */
  readonly queryInProfile: { readonly [space: string]: number }
  /** Spaces whose model could not embed the query: the vector leg has no weight there, whatever a chunk's language is. */
  readonly degraded: ReadonlySet<string>
}

export interface RankedPosition extends Position {
  readonly collection: string
}

/** What went into one candidate's score, for `explain` and `scores`. Ranks are 1-based, 0 without a match or a rank. */
export interface ScoreParts {
  readonly vector: number
  readonly keyword: number
  readonly vectorRank: number
  readonly keywordRank: number
  /** alpha · λ(query) · λ(document). */
  readonly weight: number
  readonly queryInProfile: number
  readonly documentInProfile: number
}

/** What a reranking did to a candidate. */
export interface Reranked {
  /** What the model said, before calibration. */
  readonly raw: number
  /** 1-based, in the fused ranking. */
  readonly fusedRank: number
}

/** The first hits of a ranking in the order of a model that read them. */
export interface Reranking {
  /** The same candidates, under the model's calibrated scores. */
  readonly ranking: Ranking
  /** The ranking before, which explains where its first came from. */
  readonly fused: Ranking
  /** Of the candidates that were judged. */
  readonly judged: ReadonlyMap<number, Reranked>
}

/** The largest raw scores of what the shards sent; 0 for a leg without a match. */
export function legMaxima(sources: readonly Source[]): LegMaxima {
  let keyword = 0
  const vector: Record<string, number> = {}
  for (const { space, candidates } of sources) {
    for (const score of candidates.scores[KEYWORD_LEG] ?? []) if (score > keyword) keyword = score
    let largest = vector[space] ?? 0
    for (const score of candidates.scores[VECTOR_LEG] ?? []) if (score > largest) largest = score
    vector[space] = largest
  }
  return { keyword, vector }
}

/** A whole ranked set. Candidates are numbered across the sources, in their order; nothing is sorted until asked for. */
export class Ranking {
  readonly sources: readonly Source[]
  readonly maxima: LegMaxima
  readonly plan: FusionPlan
  readonly count: number
  readonly scores: Float64Array
  /** Number of the first candidate of each source. */
  readonly #offsets: number[] = []
  readonly #sourceOf: Uint16Array
  readonly #vector: Float64Array
  readonly #keyword: Float64Array
  #vectorRanks: Uint32Array | undefined
  #keywordRanks: Uint32Array | undefined

  /** `scores` where they are another's than the plan's. */
  constructor(sources: readonly Source[], plan: FusionPlan, maxima: LegMaxima, scores?: Float64Array) {
    this.sources = sources
    this.plan = plan
    this.maxima = maxima
    this.count = sources.reduce((sum, source) => sum + source.candidates.chunks.length, 0)
    this.#sourceOf = new Uint16Array(this.count)
    this.#vector = new Float64Array(this.count)
    this.#keyword = new Float64Array(this.count)
    this.scores = new Float64Array(this.count)
    let offset = 0
    for (const [number, { candidates }] of sources.entries()) {
      this.#offsets.push(offset)
      this.#sourceOf.fill(number, offset, offset + candidates.chunks.length)
      const vector = candidates.scores[VECTOR_LEG]
      if (vector !== undefined) this.#vector.set(vector, offset)
      const keyword = candidates.scores[KEYWORD_LEG]
      if (keyword !== undefined) this.#keyword.set(keyword, offset)
      offset += candidates.chunks.length
    }
    if (scores !== undefined) this.scores.set(scores)
    else if (plan.mode === 'vector') this.scores.set(this.#vector)
    else if (plan.mode === 'keyword') this.scores.set(this.#keyword)
    else this.#fuse()
  }

  #fuse(): void {
    const { method, rankConstant } = this.plan.fusion
    if (method === 'rrf') {
      this.#vectorRanks = this.#ranks(this.#vector, (source) => source.space)
      this.#keywordRanks = this.#ranks(this.#keyword, () => '')
    }
    for (const [number, source] of this.sources.entries()) {
      const offset = this.#offsets[number] ?? 0
      const { inProfile } = source.candidates
      const maxima = this.maximaOf(offset)
      const weight = this.#queryWeight(source)
      for (let i = 0; i < inProfile.length; i++) {
        const c = offset + i
        const w = weight * (inProfile[i] ?? 1)
        this.scores[c] =
          method === 'rrf'
            ? reciprocalRankScore(this.#vectorRanks?.[c] ?? 0, this.#keywordRanks?.[c] ?? 0, rankConstant, w)
            : convexScore(this.#vector[c] ?? 0, this.#keyword[c] ?? 0, maxima, w)
      }
    }
  }

  /** alpha · λ(query), before λ(document). */
  #queryWeight(source: Source): number {
    return this.plan.degraded.has(source.space)
      ? 0
      : this.plan.fusion.alpha * (this.plan.queryInProfile[source.space] ?? 1)
  }

  /** 1-based ranks among the candidates with a positive score, counted separately in each group of sources. */
  #ranks(scores: Float64Array, groupOf: (source: Source) => string): Uint32Array {
    const ranks = new Uint32Array(this.count)
    const groups = new Map<string, number[]>()
    for (let i = 0; i < this.count; i++) {
      if ((scores[i] ?? 0) <= 0) continue
      const group = groupOf(this.source(i))
      const members = groups.get(group)
      if (members === undefined) groups.set(group, [i])
      else members.push(i)
    }
    for (const members of groups.values()) {
      members.sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || this.#compareIdentity(a, b))
      for (const [place, candidate] of members.entries()) ranks[candidate] = place + 1
    }
    return ranks
  }

  source(candidate: number): Source {
    return this.sources[this.sourceNumber(candidate)] as Source
  }

  sourceNumber(candidate: number): number {
    return this.#sourceOf[candidate] ?? 0
  }

  /** The candidate's place in its own source's arrays. */
  indexInSource(candidate: number): number {
    return candidate - (this.#offsets[this.sourceNumber(candidate)] ?? 0)
  }

  /** The chunk's number inside its shard. */
  chunk(candidate: number): number {
    return this.source(candidate).candidates.chunks[this.indexInSource(candidate)] ?? 0
  }

  position(candidate: number): RankedPosition {
    const { collection, candidates } = this.source(candidate)
    const index = this.indexInSource(candidate)
    return {
      score: this.scores[candidate] ?? 0,
      documentId: candidates.documentIds[candidates.documents[index] ?? 0] ?? '',
      ordinal: candidates.ordinals[index] ?? 0,
      collection,
    }
  }

  /** Maxima that the candidate's raw scores are divided by. */
  maximaOf(candidate: number): Maxima {
    return { vector: this.maxima.vector[this.source(candidate).space] ?? 0, keyword: this.maxima.keyword }
  }

  parts(candidate: number): ScoreParts {
    const source = this.source(candidate)
    const queryInProfile = this.plan.queryInProfile[source.space] ?? 1
    const documentInProfile = source.candidates.inProfile[this.indexInSource(candidate)] ?? 1
    return {
      vector: this.#vector[candidate] ?? 0,
      keyword: this.#keyword[candidate] ?? 0,
      vectorRank: this.#vectorRanks?.[candidate] ?? 0,
      keywordRank: this.#keywordRanks?.[candidate] ?? 0,
      weight: this.#queryWeight(source) * documentInProfile,
      queryInProfile,
      documentInProfile,
    }
  }

  #compareIdentity(a: number, b: number): number {
    return compareIdentity(this.position(a), this.position(b))
  }

  /** The same candidates under other final scores, one for each; ranks within the legs stay with this one. */
  rescored(scores: Float64Array): Ranking {
    return new Ranking(this.sources, this.plan, this.maxima, scores)
  }

  /** Negative when candidate `a` ranks before `b`. */
  compare(a: number, b: number): number {
    return (this.scores[b] ?? 0) - (this.scores[a] ?? 0) || this.#compareIdentity(a, b)
  }

  /** Candidates that reach `minScore`: all of them, or under `groupBy` each document's best. In no order. */
  members(options: { readonly minScore: number | undefined; readonly byDocument: boolean }): Uint32Array {
    const { minScore, byDocument } = options
    const kept: number[] = []
    let best: Int32Array | undefined
    let source = -1
    // A document lies in one shard, so its best chunk is found inside one source.
    const flush = (): void => {
      for (const candidate of best ?? []) if (candidate >= 0) kept.push(candidate)
    }
    for (let i = 0; i < this.count; i++) {
      if (minScore !== undefined && (this.scores[i] ?? 0) < minScore) continue
      if (!byDocument) {
        kept.push(i)
        continue
      }
      if (this.sourceNumber(i) !== source) {
        flush()
        source = this.sourceNumber(i)
        best = new Int32Array(this.source(i).candidates.documentIds.length).fill(-1)
      }
      const document = this.source(i).candidates.documents[this.indexInSource(i)] ?? 0
      const other = best?.[document] ?? -1
      if (best !== undefined && (other < 0 || this.compare(i, other) < 0)) best[document] = i
    }
    flush()
    return Uint32Array.from(kept)
  }

  /** The `size` best of `members` that rank after `after`, best first. O(n log size). */
  best(members: Uint32Array, size: number, after?: RankedPosition): number[] {
    const heap: number[] = []
    for (const candidate of members) {
      if (after !== undefined && !this.#isAfter(candidate, after)) continue
      if (heap.length < size) {
        heap.push(candidate)
        if (heap.length === size) for (let i = (size >> 1) - 1; i >= 0; i--) this.#sink(heap, i)
      } else if (size > 0 && this.compare(candidate, heap[0] ?? 0) < 0) {
        heap[0] = candidate
        this.#sink(heap, 0)
      }
    }
    return heap.sort((a, b) => this.compare(a, b))
  }

  #isAfter(candidate: number, after: RankedPosition): boolean {
    const difference = after.score - (this.scores[candidate] ?? 0)
    return difference > 0 || (difference === 0 && compareIdentity(this.position(candidate), after) > 0)
  }

  /** Restores a heap whose root is the worst candidate. */
  #sink(heap: number[], start: number): void {
    for (let i = start; ;) {
      let worst = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && this.compare(heap[child] ?? 0, heap[worst] ?? 0) > 0) worst = child
      }
      if (worst === i) return
      ;[heap[i], heap[worst]] = [heap[worst] ?? 0, heap[i] ?? 0]
      i = worst
    }
  }
}

/** Orders equal scores: document id by UTF-8 bytes, ordinal, collection name. */
function compareIdentity(a: RankedPosition, b: RankedPosition): number {
  return compareUtf8(a.documentId, b.documentId) || a.ordinal - b.ordinal || compareUtf8(a.collection, b.collection)
}
