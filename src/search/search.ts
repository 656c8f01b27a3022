/**
 * The search use-case: check, embed, scatter, fuse, page. The ranking is the one that `core/ranking.ts` defines, for any
 * number of shards. Over several collections each keeps its own BM25 statistics, keyword scores are divided by the largest
 * of all collections, cosines by the largest of their vector space, and the collection's name breaks the last tie.
 */
import type { ModelNames } from '../catalog/model-names.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { Clock } from '../core/clock.ts'
import { MAX_FACET_VALUES, MAX_HITS, PUBLIC_KEY_MAX_FACET_VALUES, PUBLIC_KEY_MAX_PAGED_HITS } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import type { Problem } from '../core/problem.ts'
import { combineFilters } from '../metadata/combine-filters.ts'
import type { Filter } from '../metadata/filter.ts'
import type { Embedder } from '../models/embedder.ts'
import type { EmbeddingModel, Model, ModelCaller } from '../models/model.ts'
import { meteredReranker, type ModelMeter, pricedModel } from '../models/model-meter.ts'
import type { Reranker } from '../models/reranker.ts'
import { isRestricted } from '../tenancy/principal.ts'
import { detectQueryLanguage, primarySubtag } from '../text/language.ts'
import { queryWords } from '../text/words.ts'
import { openCursor, sealCursor, type CursorSealer, type FrozenSearch } from './cursor.ts'
import { documentsOf, facetsOfDocuments, sumFacets } from './facets.ts'
import { FEEDBACK_HITS, moveQuery } from './feedback.ts'
import { Ranking, legMaxima, type FusionPlan, type LegMaxima, type Reranking } from './fuse.ts'
import { readPage, vectorsOf, type PageContext } from './page.ts'
import { parseSearchRequest, type CheckedSearch } from './parse-search-request.ts'
import { checkVectorLeg, queryVectors, type QueryVectors } from './query-vectors.ts'
import { judgedMembers, rerank, type TimeLimit } from './rerank.ts'
import {
  gatherStatistics,
  scatter,
  sourcesOf,
  usedStatistics,
  type ScatterQuery,
  type ShardAnswer,
  type Unit,
  type UnitStatistics,
} from './scatter.ts'
import type { SearchRequest, SearchResponse, SearchTimings } from './search-request.ts'
import { unitOf, type ReadPlacement } from './unit.ts'

export interface SearchDependencies {
  readonly placement: ReadPlacement
  readonly models: {
    queryEmbedder(model: EmbeddingModel, caller: ModelCaller, meter?: ModelMeter): Embedder
    reranker(model: Model, caller: ModelCaller): Reranker
  }
  readonly modelNames: ModelNames
  readonly sealer: CursorSealer
  readonly clock: Clock
  /** How long a reranker may take: the runtime's own timer unless a test brings another. */
  readonly timeLimit?: TimeLimit
}

/** Who searches: a `Principal`, of which only this much matters here. */
export interface Searcher {
  readonly kind: 'root' | 'secret' | 'public' | 'token'
  readonly filter?: Filter
}

export interface SearchOptions {
  /** Names the collection in every hit. */
  readonly acrossCollections?: boolean
  /** Raw scores even for public keys and tokens: for callers inside the service that do not pass them on. */
  readonly withScores?: boolean
  /** Leaves away what costs a model, as if all were down; thrown where the search would have no leg left. */
  readonly withoutVectors?: Problem
  /** Told what models read, and asked before hits are reranked. */
  readonly meter?: ModelMeter
}

/** What one pass over the shards gave. */
interface Pass {
  readonly answers: readonly ShardAnswer[]
  readonly statistics: UnitStatistics
  readonly ranking: Ranking
}

/**
 * Searches collections that the caller has looked up and the credential may reach. `request` may be untrusted.
 * @throws forbidden, invalid_request, not_supported, dimension_mismatch, cursor_expired, cursor_mismatch, cursor_gone,
 * not_found, `withoutVectors`, and in vector mode what the model's provider throws
 */
export async function search(
  deps: SearchDependencies,
  collections: readonly CollectionRecord[],
  searcher: Searcher,
  request: SearchRequest,
  options: SearchOptions = {},
): Promise<SearchResponse & { readonly timings: SearchTimings }> {
  const startedMs = performance.now()
  const checked = parseSearchRequest(request, searcher)
  const units = collections.map((collection) => unitOf(deps.placement, collection, checked.using))
  checkVectorLeg(checked, units)
  const binding = { collections, identity: checked.identity, visibility: searcher.filter }
  const frozen =
    checked.cursor === undefined ? undefined : await openCursor(deps.sealer, binding, checked.cursor, deps.clock())
  const depthCap = searcher.kind === 'public' ? PUBLIC_KEY_MAX_PAGED_HITS : MAX_HITS
  const depth = frozen?.depth ?? 0
  if (depth >= depthCap) throw invalidField('/cursor', `reaches beyond rank ${depthCap}`)
  const { withoutVectors, meter } = options
  if (withoutVectors !== undefined && (checked.mode === 'vector' || checked.query === undefined)) throw withoutVectors

  const watch = new Stopwatch()
  const words =
    checked.mode === 'vector' || checked.query === undefined ? [] : queryWords(checked.query, checked.language)
  const scatterQuery: ScatterQuery = {
    units,
    filter: combineFilters(searcher.filter, checked.filter),
    words,
    exact: checked.exact,
    facets: checked.minScore === undefined ? checked.facets : [],
    ...(frozen?.sequences === undefined ? {} : { sequences: frozen.sequences }),
  }
  const [queried, statistics, reranker] = await Promise.all([
    // A cursor holds embedded and moved vectors; one that the caller sends comes with every page. Pages keep their legs.
    frozen !== undefined && (checked.vector === undefined || checked.feedback || frozen.degraded.length > 0)
      ? frozen
      : watch.time('embed', () => {
          const isWithout = frozen === undefined && withoutVectors !== undefined
          const embedderOf = (model: EmbeddingModel, caller: ModelCaller): Embedder =>
            deps.models.queryEmbedder(model, caller, meter)
          return queryVectors(checked, units, embedderOf, isWithout)
        }),
    frozen?.statistics ?? gatherStatistics(units, words),
    rerankerOf(deps, collections, checked, meter),
  ])
  const plan = planOf(checked, units, queried)

  let vectors = queried.vectors
  let pass = await runPass(scatterQuery, statistics, vectors, plan, frozen?.maxima, watch)
  if (checked.feedback && frozen === undefined) {
    const moved = await moveVectors(pass, units, vectors)
    if (moved !== vectors) {
      vectors = moved
      pass = await runPass(scatterQuery, pass.statistics, vectors, plan, undefined, watch)
    }
  }

  const { answers } = pass
  const { timeLimit = (milliseconds) => AbortSignal.timeout(milliseconds) } = deps
  const reranking =
    reranker === undefined || withoutVectors !== undefined
      ? undefined
      : await watch.time('rerank', () =>
          rerank(pass.ranking, reranker, { search: checked, context: { units, answers }, timeLimit }),
        )
  const ranking = reranking?.ranking ?? pass.ranking
  const members = watch.timeSync('fuse', () => membersOf(checked, ranking, reranking))
  const size = Math.min(checked.limit, depthCap - depth)
  const context: PageContext = {
    search: checked,
    units,
    answers,
    statistics: pass.statistics,
    words,
    reranking,
    withScores: !isRestricted(searcher) || options.withScores === true,
    withCollection: options.acrossCollections ?? collections.length > 1,
  }
  const [page, totals] = await Promise.all([
    readPage(ranking, members, size, frozen?.last, context),
    totalsOf(checked, { ranking, answers }, members, units, searcher.kind === 'public'),
  ])

  let nextCursor: string | null = null
  const reached = depth + page.hits.length
  if (reranker === undefined && page.hasMore && page.last !== undefined && reached < depthCap) {
    const next: FrozenSearch = {
      depth: reached,
      last: page.last,
      maxima: ranking.maxima,
      statistics: pass.statistics,
      vectors: checked.vector !== undefined && !checked.feedback ? {} : vectors,
      degraded: queried.degraded,
      ...(checked.fusion.method === 'rrf' && checked.mode === 'hybrid'
        ? { sequences: frozen?.sequences ?? sequencesOf(units, answers) }
        : {}),
    }
    nextCursor = await sealCursor(deps.sealer, binding, next, deps.clock())
  }
  return {
    hits: page.hits,
    ...totals,
    nextCursor,
    tookMs: Math.round((performance.now() - startedMs) * 1000) / 1000,
    generation: collections.map((collection) => collection.generation.id).join(','),
    ...degradedOf(queried, reranker !== undefined && reranking === undefined),
    timings: watch.timings,
  }
}

/** @throws invalid_request, not_supported where the name means no model that reranks */
async function rerankerOf(
  { modelNames, models }: SearchDependencies,
  [first]: readonly CollectionRecord[],
  { rerank }: CheckedSearch,
  meter?: ModelMeter,
): Promise<Reranker | undefined> {
  if (rerank === undefined || first === undefined) return undefined
  const { tenantUid } = first
  const model = await modelNames.find(tenantUid, rerank.model, 'rerank', '/rerank/model')
  const reranker = models.reranker(model, { tenantUid })
  return meter === undefined ? reranker : meteredReranker(reranker, pricedModel(model), meter)
}

/** Where hits were reordered, those that were; `minScore` judges the score that hits carry. */
function membersOf({ minScore, byDocument }: CheckedSearch, ranking: Ranking, reranking?: Reranking): Uint32Array {
  return reranking === undefined ? ranking.members({ minScore, byDocument }) : judgedMembers(reranking, minScore)
}

function degradedOf({ degraded }: QueryVectors, withoutRerank: boolean): Pick<SearchResponse, 'degraded'> {
  const legs: ('vector' | 'rerank')[] = degraded.length > 0 ? ['vector'] : []
  if (withoutRerank) legs.push('rerank')
  return legs.length === 0 ? {} : { degraded: legs }
}

function planOf(checked: CheckedSearch, units: readonly Unit[], { degraded }: QueryVectors): FusionPlan {
  const language =
    checked.language === undefined
      ? checked.query === undefined
        ? 'und'
        : detectQueryLanguage(checked.query)
      : primarySubtag(checked.language)
  const queryInProfile: Record<string, number> = {}
  for (const { space, profile } of units) {
    const isKnown = language === 'und' || profile.languages.length === 0 || profile.languages.includes(language)
    queryInProfile[space] = isKnown ? 1 : 0
  }
  return { mode: checked.mode, fusion: checked.fusion, queryInProfile, degraded: new Set(degraded) }
}

async function runPass(
  query: ScatterQuery,
  statistics: UnitStatistics,
  vectors: QueryVectors['vectors'],
  plan: FusionPlan,
  maxima: LegMaxima | undefined,
  watch: Stopwatch,
): Promise<Pass> {
  const answers = await scatter(query, statistics, vectors)
  watch.addLegs(answers)
  const ranking = watch.timeSync('fuse', () => {
    const sources = sourcesOf(query.units, answers)
    return new Ranking(sources, plan, maxima ?? legMaxima(sources))
  })
  return { answers, statistics: usedStatistics(statistics, answers), ranking }
}

/** Query vectors moved towards the first hits, each space by its own; the same object where there is nothing to follow. */
async function moveVectors(
  { ranking, answers }: Pass,
  units: readonly Unit[],
  vectors: QueryVectors['vectors'],
): Promise<QueryVectors['vectors']> {
  if (Object.keys(vectors).length === 0 || ranking.count === 0) return vectors
  const members = ranking.members({ minScore: undefined, byDocument: false })
  const found = await vectorsOf(ranking, ranking.best(members, FEEDBACK_HITS), { units, answers })
  if (found.length === 0) return vectors
  const moved = Object.entries(vectors).map(([space, vector]): [string, Float32Array] => {
    const votes = found.filter(({ candidate }) => ranking.source(candidate).space === space)
    return [
      space,
      moveQuery(
        vector,
        votes.map((vote) => vote.vector),
      ),
    ]
  })
  return Object.fromEntries(moved)
}

/** `estimatedTotal` and facets over the whole ranked set. */
async function totalsOf(
  { minScore, facets }: CheckedSearch,
  { ranking, answers }: Pick<Pass, 'ranking' | 'answers'>,
  members: Uint32Array,
  units: readonly Unit[],
  isPublic: boolean,
): Promise<Pick<SearchResponse, 'estimatedTotal' | 'facets'>> {
  const most = isPublic ? PUBLIC_KEY_MAX_FACET_VALUES : MAX_FACET_VALUES
  if (minScore === undefined) {
    const estimatedTotal = answers.reduce((sum, { result }) => sum + result.documentCount, 0)
    if (facets.length === 0) return { estimatedTotal }
    const parts = answers.map(({ result }) => result.facets ?? {})
    return { estimatedTotal, facets: sumFacets(facets, parts, most) }
  }
  const documents = documentsOf(ranking, members)
  const estimatedTotal = [...documents.values()].reduce((sum, ids) => sum + ids.size, 0)
  if (facets.length === 0) return { estimatedTotal }
  return {
    estimatedTotal,
    facets: sumFacets(facets, await facetsOfDocuments(facets, documents, answers, units), most),
  }
}

function sequencesOf(units: readonly Unit[], answers: readonly ShardAnswer[]): number[][] {
  return units.map((_, unit) => answers.filter((answer) => answer.unit === unit).map(({ result }) => result.sequence))
}

/** Adds up where the time of one search goes. */
class Stopwatch {
  readonly #timings: { -readonly [Stage in keyof SearchTimings]: SearchTimings[Stage] } = {
    embed: 0,
    vector: 0,
    keyword: 0,
    fuse: 0,
  }

  get timings(): SearchTimings {
    return this.#timings
  }

  async time<T>(stage: keyof SearchTimings, work: () => Promise<T>): Promise<T> {
    const startedMs = performance.now()
    const result = await work()
    this.#timings[stage] = (this.#timings[stage] ?? 0) + performance.now() - startedMs
    return result
  }

  timeSync<T>(stage: keyof SearchTimings, work: () => T): T {
    const startedMs = performance.now()
    const result = work()
    this.#timings[stage] = (this.#timings[stage] ?? 0) + performance.now() - startedMs
    return result
  }

  /** The slowest shard of a pass decides. */
  addLegs(answers: readonly ShardAnswer[]): void {
    for (const leg of ['vector', 'keyword'] as const) {
      this.#timings[leg] += Math.max(0, ...answers.map(({ result }) => result.timingsMs[leg]))
    }
  }
}
