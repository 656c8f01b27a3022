/**
 * One query over all shards of all its collections, in one round or two: with more than one shard the keyword statistics
 * are gathered and summed first, so that every shard scores with the same figures and the ranking is that of one shard.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import type { VectorLeg } from '../core/packed-vectors.ts'
import { DEFAULT_BM25, type KeywordStatistics } from '../keyword/keyword-index.ts'
import type { Filter } from '../metadata/filter.ts'
import type { ModelProfile } from '../models/embedder.ts'
import { vectorSpace } from '../models/vector-space.ts'
import { VECTOR_LEG } from '../shard/shard-api.ts'
import type { KeywordQuery, ShardApi, ShardSearchRequest, ShardSearchResult } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'
import type { Source } from './fuse.ts'

/** The part of a shard that searching needs. */
export type SearchShard = Pick<ShardApi, 'keywordStatistics' | 'search' | 'fetch' | 'facets'>

/** One collection of a search, with its shards at hand. */
export interface Unit {
  readonly collection: CollectionRecord
  readonly profile: ModelProfile
  /** The named vector that is searched, where the collection names its vectors and has it. */
  readonly leg?: VectorLeg
  /** See `Source.space`. */
  readonly space: string
  readonly shards: readonly SearchShard[]
}

/** What is the same for every shard and both passes. */
export interface ScatterQuery {
  readonly units: readonly Unit[]
  readonly filter: Filter | undefined
  /** Empty: no keyword leg. */
  readonly words: readonly string[]
  readonly exact: boolean
  readonly facets: readonly string[]
  readonly sequences?: readonly (readonly number[])[]
}

export interface ShardAnswer {
  /** Index into the units. */
  readonly unit: number
  readonly shard: number
  readonly result: ShardSearchResult
}

/** Statistics by unit; `undefined` where one shard computes its own or no keyword leg runs. */
export type UnitStatistics = readonly (KeywordStatistics | undefined)[]

/** Round 1: sums of the statistics of every collection that has more than one shard. */
export async function gatherStatistics(units: readonly Unit[], words: readonly string[]): Promise<UnitStatistics> {
  return Promise.all(
    units.map(async ({ shards }) => {
      if (words.length === 0 || shards.length === 1) return undefined
      const parts = await Promise.all(shards.map((shard) => asked(shard.keywordStatistics(words))))
      return {
        chunks: sum(parts.map((part) => part.chunks)),
        totalLength: sum(parts.map((part) => part.totalLength)),
        documentFrequencies: words.map((_, word) => sum(parts.map((part) => part.documentFrequencies[word] ?? 0))),
      }
    }),
  )
}

/** Round 2: the candidates of every shard, unit by unit and in the shards' order. */
export async function scatter(
  query: ScatterQuery,
  statistics: UnitStatistics,
  vectors: { readonly [space: string]: Float32Array },
): Promise<ShardAnswer[]> {
  const answers = query.units.map(async (unit, number) => {
    const request = shardRequest(query, unit, statistics[number], vectors[unit.space])
    const results = unit.shards.map((shard, index) => {
      const atMostSequence = query.sequences?.[number]?.[index]
      return asked(shard.search(atMostSequence === undefined ? request : { ...request, atMostSequence }))
    })
    return (await Promise.all(results)).map((result, shard) => ({ unit: number, shard, result }))
  })
  return (await Promise.all(answers)).flat()
}

function shardRequest(
  { filter, words, exact, facets }: ScatterQuery,
  unit: Unit,
  statistics: KeywordStatistics | undefined,
  vector: Float32Array | undefined,
): ShardSearchRequest {
  return {
    ...(filter === undefined ? {} : { filter }),
    ...(words.length === 0 ? {} : { keyword: keywordQuery(unit, words, statistics) }),
    ...(vector === undefined || !hasSpace(unit)
      ? {}
      : { vectors: { [VECTOR_LEG]: vector }, space: vectorSpace(unit.profile), ...usingOf(unit) }),
    ...(facets.length === 0 ? {} : { facets }),
    // The exact engines return every candidate; a bound is for engines that approximate.
    candidates: Number.POSITIVE_INFINITY,
    exact,
    profileLanguages: unit.profile.languages,
  }
}

/** A collection whose model is not chosen yet is empty; what comes into it meanwhile may be of any model. */
export const hasSpace = ({ collection }: Unit): boolean => collection.modelChoice !== 'open'

/** Which of the named vectors a shard shall look at. */
export const usingOf = ({ leg }: Unit): { readonly using?: string } => (leg === undefined ? {} : { using: leg.name })

/** The keyword leg of one collection, under its own BM25 parameters. */
export function keywordQuery(
  { collection }: Unit,
  words: readonly string[],
  statistics: KeywordStatistics | undefined,
): KeywordQuery {
  const bm25 = collection.settings.bm25 ?? DEFAULT_BM25
  return statistics === undefined ? { words, bm25 } : { words, bm25, statistics }
}

/** The answers as sources of a ranking. */
export const sourcesOf = (units: readonly Unit[], answers: readonly ShardAnswer[]): Source[] =>
  answers.map(({ unit, result }) => ({
    collection: units[unit]?.collection.name ?? '',
    space: units[unit]?.space ?? '',
    isMulti: units[unit]?.leg?.multi === true,
    candidates: result.candidates,
  }))

/** The statistics that the shards scored with, by unit: those of round 1, or what a lone shard computed for itself. */
export function usedStatistics(statistics: UnitStatistics, answers: readonly ShardAnswer[]): UnitStatistics {
  return statistics.map((known, unit) => known ?? answers.find((answer) => answer.unit === unit)?.result.statistics)
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
