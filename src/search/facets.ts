/** Facets of a whole search: counts of documents by value, summed over shards. Documents lie in one shard, so sums are exact. */
import { mergeFacets } from '../metadata/facet-values.ts'
import type { FacetValue } from '../metadata/metadata-index.ts'
import type { Ranking } from './fuse.ts'
import { asked } from '../shard/shard-call.ts'
import type { ShardAnswer, Unit } from './scatter.ts'

type Facets = { readonly [field: string]: readonly FacetValue[] }

/**
 * Sums parts value by value, keeping the `most` frequent values of each field that was asked for.
 * @throws invalid_request naming `/facets` when the parts together have more different values than a search may count
 */
export function sumFacets(fields: readonly string[], parts: readonly Facets[], most: number): Facets {
  // A field without values is still named.
  const asked = Object.fromEntries(fields.map((field): [string, FacetValue[]] => [field, []]))
  return mergeFacets([asked, ...parts], most)
}

/** Document ids of the members, by source. */
export function documentsOf(ranking: Ranking, members: Uint32Array): Map<number, Set<string>> {
  const documents = new Map<number, Set<string>>()
  for (const candidate of members) {
    const source = ranking.sourceNumber(candidate)
    const ids = documents.get(source)
    const { documentId } = ranking.position(candidate)
    if (ids === undefined) documents.set(source, new Set([documentId]))
    else ids.add(documentId)
  }
  return documents
}

/** Facets over the documents that `minScore` left, asked from their shards. */
export async function facetsOfDocuments(
  fields: readonly string[],
  documents: ReadonlyMap<number, ReadonlySet<string>>,
  answers: readonly ShardAnswer[],
  units: readonly Unit[],
): Promise<Facets[]> {
  return Promise.all(
    [...documents].map(async ([source, ids]) => {
      const answer = answers[source]
      const shard = answer && units[answer.unit]?.shards[answer.shard]
      return shard === undefined ? {} : asked(shard.facets(fields, [...ids]))
    }),
  )
}
