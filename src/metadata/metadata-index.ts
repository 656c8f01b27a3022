/** Which documents match a filter, and how do their values count? Over one shard's documents, through the storage port. */
import type { JsonObject } from '../core/canonical-json.ts'
import type { Filter } from './filter.ts'

export interface FacetValue {
  readonly value: string | number | boolean
  readonly count: number
}

/** `document` is the shard's internal document number, `id` the caller's id. */
export interface MetadataIndex {
  /** Without `acl` every reader of the collection may see the document. */
  add(document: number, id: string, metadata: JsonObject, acl?: readonly string[]): void
  remove(document: number): void
  /**
   * The part of a filter that can leave out a document of this shard: while none has an acl, a public key's or a token's
   * mask costs nothing. `undefined` when it leaves none out.
   */
  restricting(filter: Filter): Filter | undefined
  /** Document numbers that match, ascending. */
  matching(filter: Filter): Uint32Array
  /**
   * Exact counts of all values of each field over the given documents; arrays count each distinct element once per document.
   * @throws invalid_request naming `/facets` when the fields have more different values than a search may count
   */
  facets(fields: readonly string[], documents: Uint32Array): Record<string, FacetValue[]>
  evict(): void
}
