/** Facets: how often each value of a field occurs among documents, with types kept apart. */
import { compareUtf8 } from '../core/bytes.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { MAX_FACET_CANDIDATES, MAX_FACET_VALUE_LENGTH, MAX_FACET_VALUES } from '../core/limits.ts'
import type { FacetValue } from './metadata-index.ts'
import { MetadataPath, type Reached } from './metadata-path.ts'

type Scalar = FacetValue['value']

const TYPE_ORDER = { number: 0, string: 1, boolean: 2 } as const

/** Count descending, then numbers before strings before booleans, each ascending (strings by UTF-8 bytes). */
export function compareFacetValues(a: FacetValue, b: FacetValue): number {
  return b.count - a.count || compareScalars(a.value, b.value)
}

function compareScalars(a: Scalar, b: Scalar): number {
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b)
  const kindA = TYPE_ORDER[typeof a as keyof typeof TYPE_ORDER]
  const kindB = TYPE_ORDER[typeof b as keyof typeof TYPE_ORDER]
  return kindA - kindB || Number(a) - Number(b)
}

/** Counts one field over documents added one by one. The number 1, the text "1" and true are three values. */
export class FacetCounter {
  readonly #path: MetadataPath
  readonly #counts = new Map<Scalar, number>()

  constructor(field: string) {
    this.#path = new MetadataPath(field.split('.'))
  }

  /** Counts each distinct value of the document once; null, objects, very long texts and missing fields have none. */
  add(metadata: JsonObject): void {
    const found: Scalar[] = []
    const see = (value: Reached) => {
      if (isFacetValue(value)) found.push(value)
    }
    this.#path.visit(metadata, (value) => {
      if (Array.isArray(value)) value.forEach(see)
      else see(value)
    })
    for (const value of found.length > 1 ? new Set(found) : found) {
      const count = this.#counts.get(value)
      if (count !== undefined) this.#counts.set(value, count + 1)
      else if (this.#counts.size < MAX_FACET_CANDIDATES) this.#counts.set(value, 1)
    }
  }

  values(): FacetValue[] {
    return Array.from(this.#counts, ([value, count]) => ({ value, count })).sort(compareFacetValues)
  }
}

function isFacetValue(value: Reached): value is Scalar {
  if (typeof value === 'string') return value.length <= MAX_FACET_VALUE_LENGTH
  return typeof value === 'number' || typeof value === 'boolean'
}

/**
 * Adds up the facets of several shards and keeps the `limit` most frequent values of each field. Shards hand out all their
 * values, because the most frequent overall need not be among the most frequent of any one shard.
 */
export function mergeFacets(
  parts: readonly Readonly<Record<string, readonly FacetValue[]>>[],
  limit: number = MAX_FACET_VALUES,
): Record<string, FacetValue[]> {
  const fields = new Map<string, Map<Scalar, number>>()
  for (const part of parts) {
    for (const [field, values] of Object.entries(part)) {
      const counts = fields.get(field) ?? new Map<Scalar, number>()
      fields.set(field, counts)
      for (const { value, count } of values) counts.set(value, (counts.get(value) ?? 0) + count)
    }
  }
  const merged = Array.from(fields, ([field, counts]): [string, FacetValue[]] => {
    const values = Array.from(counts, ([value, count]) => ({ value, count }))
    return [field, values.sort(compareFacetValues).slice(0, limit)]
  })
  return Object.fromEntries(merged)
}
