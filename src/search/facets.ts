/** Facets of a whole search: counts of documents by value, summed over shards. Documents lie in one shard, so sums are exact. */
import { compareUtf8 } from '../core/bytes.ts'
import type { FacetValue } from '../metadata/metadata-index.ts'
import type { Ranking } from './fuse.ts'
import { asked, type ShardAnswer, type Unit } from './scatter.ts'

type Facets = { readonly [field: string]: readonly FacetValue[] }

/** Sums parts value by value; count descending, then numbers, strings, booleans in their own order; `most` values a field. */
export function mergeFacets(fields: readonly string[], parts: readonly Facets[], most: number): Facets {
  const merged = fields.map((field): [string, FacetValue[]] => {
    const counts = new Map<FacetValue['value'], number>()
    for (const part of parts) {
      for (const { value, count } of part[field] ?? []) counts.set(value, (counts.get(value) ?? 0) + count)
    }
    const values = [...counts].map(([value, count]) => ({ value, count }))
    values.sort((a, b) => b.count - a.count || compareValues(a.value, b.value))
    return [field, values.slice(0, most)]
  })
  return Object.fromEntries(merged)
}

function compareValues(a: FacetValue['value'], b: FacetValue['value']): number {
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b)
  if (typeof a === typeof b) return Number(a) - Number(b)
  const order = ['number', 'string', 'boolean']
  return order.indexOf(typeof a) - order.indexOf(typeof b)
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
  const parts = [...documents].map(([source, ids]) => {
    const answer = answers[source]
    const shard = answer && units[answer.unit]?.shards[answer.shard]
    return shard === undefined ? {} : asked(shard.facets(fields, [...ids]))
  })
  return Promise.all(parts)
}
