/** Facets: how often each value of a field occurs among documents, with types kept apart. */
import { compareUtf8 } from '../core/bytes.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import {
  MAX_FACET_CANDIDATES,
  MAX_FACET_CANDIDATES_LENGTH,
  MAX_FACET_VALUE_LENGTH,
  MAX_FACET_VALUES,
} from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
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

/**
 * What the facets of one search may hold, all fields together. A shard that counts and the gatherer that sums keep to the
 * same budget, so that whether a search is refused does not depend on the number of shards.
 */
export class FacetBudget {
  #values = 0
  #length = 0

  /** Takes room for a value not seen before. @throws invalid_request naming `/facets` */
  take(value: Scalar): void {
    this.#values++
    if (typeof value === 'string') this.#length += value.length
    if (this.#values > MAX_FACET_CANDIDATES || this.#length > MAX_FACET_CANDIDATES_LENGTH) {
      throw invalidField(
        '/facets',
        `lead to more than ${MAX_FACET_CANDIDATES} different values, or ${MAX_FACET_CANDIDATES_LENGTH} characters of them: ` +
          'narrow the filter or leave out fields that differ from document to document',
      )
    }
  }
}

/** Counts one field over documents added one by one. The number 1, the text "1" and true are three values. */
export class FacetCounter {
  readonly #path: MetadataPath
  readonly #budget: FacetBudget
  readonly #counts = new Map<Scalar, number>()

  /** `budget` is shared by the fields of one search. */
  constructor(field: string, budget: FacetBudget) {
    this.#path = new MetadataPath(field.split('.'))
    this.#budget = budget
  }

  /**
   * Counts each distinct value of the document once; null, objects, very long texts and missing fields have none.
   * @throws invalid_request when the budget is used up
   */
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
      if (count === undefined) this.#budget.take(value)
      this.#counts.set(value, (count ?? 0) + 1)
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
 * @throws invalid_request when all shards together have more values than one may have
 */
export function mergeFacets(
  parts: readonly Readonly<Record<string, readonly FacetValue[]>>[],
  limit: number = MAX_FACET_VALUES,
): Record<string, FacetValue[]> {
  const budget = new FacetBudget()
  const fields = new Map<string, Map<Scalar, number>>()
  for (const part of parts) {
    for (const [field, values] of Object.entries(part)) {
      const counts = fields.get(field) ?? new Map<Scalar, number>()
      fields.set(field, counts)
      for (const { value, count } of values) {
        const known = counts.get(value)
        if (known === undefined) budget.take(value)
        counts.set(value, (known ?? 0) + count)
      }
    }
  }
  const merged = Array.from(fields, ([field, counts]): [string, FacetValue[]] => {
    const values = Array.from(counts, ([value, count]) => ({ value, count }))
    return [field, values.sort(compareFacetValues).slice(0, limit)]
  })
  return Object.fromEntries(merged)
}
