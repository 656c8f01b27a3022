/**
 * Turns a stretch of a ranking into hits: reads texts and metadata from the shards, marks the query's words, explains.
 * A chunk deleted between ranking and reading is left out and the next one moves up.
 */
import { keywordQuery, usingOf, type ShardAnswer, type Unit, type UnitStatistics } from './scatter.ts'
import type { Json, JsonObject } from '../core/canonical-json.ts'
import type { ChunkContext } from '../shard/chunk-context.ts'
import type { FetchRequest, FetchedChunk } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'
import { explainHit } from './explain.ts'
import type { RankedPosition, Ranking, Reranking } from './fuse.ts'
import type { CheckedSearch } from './parse-search-request.ts'
import type { Hit, HitContext } from './search-request.ts'

/** What reading hits needs to know of the search. */
export interface PageContext {
  readonly search: CheckedSearch
  readonly units: readonly Unit[]
  readonly answers: readonly ShardAnswer[]
  readonly statistics: UnitStatistics
  readonly words: readonly string[]
  /** Where the hits were reordered. */
  readonly reranking?: Reranking | undefined
  readonly withScores: boolean
  readonly withCollection: boolean
}

export interface ResultPage {
  readonly hits: readonly Hit[]
  /** Place of the last candidate that was used up; where the next page starts. */
  readonly last: RankedPosition | undefined
  readonly hasMore: boolean
}

/** Reads the `size` best members after `after`. */
export async function readPage(
  ranking: Ranking,
  members: Uint32Array,
  size: number,
  after: RankedPosition | undefined,
  context: PageContext,
): Promise<ResultPage> {
  const hits: Hit[] = []
  let last = after
  for (;;) {
    const need = size - hits.length
    const best = ranking.best(members, need + 1, last)
    const wanted = best.slice(0, need)
    const fetched = await fetchChunks(ranking, wanted, context)
    for (const [index, candidate] of wanted.entries()) {
      const chunk = fetched[index]
      if (chunk !== undefined) hits.push(hitOf(ranking, candidate, chunk, context))
    }
    const end = wanted.at(-1)
    if (end !== undefined) last = ranking.position(end)
    const hasMore = best.length > need
    if (hits.length >= size || !hasMore) return { hits, last, hasMore }
  }
}

/** Vectors of the given candidates, for feedback; those without one are left out. */
export async function vectorsOf(
  ranking: Ranking,
  candidates: readonly number[],
  context: Pick<PageContext, 'units' | 'answers'>,
): Promise<{ readonly candidate: number; readonly vector: Float32Array }[]> {
  const chunks = await fetchFrom(ranking, candidates, context, (unit) => ({ withVectors: true, ...usingOf(unit) }))
  return candidates.flatMap((candidate, index) => {
    const vector = chunks[index]?.vector
    return vector === undefined ? [] : [{ candidate, vector }]
  })
}

/** What a model reads of the given candidates: title, headings and text. Those that are gone are left out. */
export async function passagesOf(
  ranking: Ranking,
  candidates: readonly number[],
  context: Pick<PageContext, 'units' | 'answers'>,
): Promise<{ readonly candidate: number; readonly text: string }[]> {
  const chunks = await fetchFrom(ranking, candidates, context, () => ({}))
  return candidates.flatMap((candidate, index) => {
    const chunk = chunks[index]
    if (chunk === undefined) return []
    const { title, headings, text } = chunk
    const parts = [title, headings.join(' > '), text].filter((part) => part !== undefined && part !== '')
    return [{ candidate, text: parts.join('\n') }]
  })
}

function fetchChunks(
  ranking: Ranking,
  candidates: readonly number[],
  context: PageContext,
): Promise<(FetchedChunk | undefined)[]> {
  const { search, words, statistics } = context
  return fetchFrom(ranking, candidates, context, (unit, number) => ({
    ...(search.expand === undefined ? {} : { expand: search.expand }),
    ...(search.highlight && search.query !== undefined ? { highlightWords: words } : {}),
    ...(search.explain && search.mode !== 'vector' && words.length > 0
      ? { explain: keywordQuery(unit, words, statistics[number]) }
      : {}),
  }))
}

/** One call a shard that holds any of the candidates; the answers stand in the candidates' order. */
async function fetchFrom(
  ranking: Ranking,
  candidates: readonly number[],
  { units, answers }: Pick<PageContext, 'units' | 'answers'>,
  optionsFor: (unit: Unit, number: number) => Omit<FetchRequest, 'chunks'>,
): Promise<(FetchedChunk | undefined)[]> {
  const places = Map.groupBy(candidates.keys(), (place) => ranking.sourceNumber(candidates[place] ?? 0))
  const found: (FetchedChunk | undefined)[] = Array.from({ length: candidates.length })
  await Promise.all(
    [...places].map(async ([source, members]) => {
      const answer = answers[source]
      const unit = answer && units[answer.unit]
      const shard = answer && unit?.shards[answer.shard]
      if (answer === undefined || unit === undefined || shard === undefined) return
      const chunks = members.map((place) => ranking.chunk(candidates[place] ?? 0))
      const fetched = await asked(shard.fetch({ chunks, ...optionsFor(unit, answer.unit) }))
      for (const [index, place] of members.entries()) {
        const chunk = fetched[index]
        const position = ranking.position(candidates[place] ?? 0)
        // Numbers are never used again: a chunk that was replaced or deleted meanwhile is gone, and left out.
        const isSame = chunk?.documentId === position.documentId && chunk.ordinal === position.ordinal
        if (isSame) found[place] = chunk
      }
    }),
  )
  return found
}

function hitOf(ranking: Ranking, candidate: number, chunk: FetchedChunk, context: PageContext): Hit {
  const { search, withScores, withCollection, reranking } = context
  const { score, documentId, ordinal, collection } = ranking.position(candidate)
  return {
    id: `${documentId}#${ordinal}`,
    documentId,
    ordinal,
    ...(withCollection ? { collection } : {}),
    score,
    ...(withScores ? { scores: scoresOf(ranking, candidate, reranking) } : {}),
    ...(chunk.title === undefined ? {} : { title: chunk.title }),
    ...(chunk.url === undefined ? {} : { url: chunk.url }),
    text: chunk.text,
    start: chunk.start,
    end: chunk.end,
    ...(chunk.headings.length === 0 ? {} : { headings: chunk.headings }),
    ...chunk.location,
    ...(chunk.context === undefined ? {} : { context: contextOf(documentId, chunk.context) }),
    highlights: chunk.highlights,
    metadata: search.fields === undefined ? chunk.metadata : pickFields(chunk.metadata, search.fields),
    ...(search.explain ? { explain: explainHit(ranking, candidate, chunk.explanation, reranking) } : {}),
  }
}

function contextOf(documentId: string, { text, start, end, chunks }: ChunkContext): HitContext {
  return {
    text,
    start,
    end,
    chunks: chunks.map(({ ordinal, headings, location, start, end }) => ({
      id: `${documentId}#${ordinal}`,
      start,
      end,
      ...(headings.length === 0 ? {} : { headings }),
      ...location,
    })),
  }
}

function scoresOf(ranking: Ranking, candidate: number, reranking: Reranking | undefined): NonNullable<Hit['scores']> {
  const { mode } = ranking.plan
  const isDegraded = ranking.plan.degraded.has(ranking.source(candidate).space)
  const { vector, keyword } = ranking.parts(candidate)
  const rerank = reranking?.judged.get(candidate)?.raw
  return {
    ...(mode === 'keyword' || isDegraded ? {} : { vector }),
    ...(mode === 'vector' ? {} : { keyword }),
    ...(rerank === undefined ? {} : { rerank }),
  }
}

/** Copies the named dotted fields, in the shape they have; fields that are not there stay absent. */
export function pickFields(metadata: JsonObject, fields: readonly string[]): JsonObject {
  const picked: JsonObject = {}
  for (const field of fields) {
    const path = field.split('.')
    let value: Json | undefined = metadata
    for (const name of path) value = member(value, name)
    if (value === undefined) continue
    let target = picked
    for (const name of path.slice(0, -1)) {
      const inner: JsonObject = { ...(member(target, name) as JsonObject | undefined) }
      setMember(target, name, inner)
      target = inner
    }
    setMember(target, path.at(-1) ?? '', value)
  }
  return picked
}

function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, name) ? value[name] : undefined
}

/** Defines rather than assigns, so that a field named `__proto__` stays a field. */
function setMember(target: JsonObject, name: string, value: Json): void {
  Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true })
}
