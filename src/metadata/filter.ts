/**
 * The parsed form of a filter: a tree, never text. MongoDB semantics with type bracketing. Parsing and evaluation live
 * beside it in `parse-filter.ts` and `evaluate-filter.ts`.
 */
import type { Json } from '../core/canonical-json.ts'

export type Comparison =
  | '$eq'
  | '$ne'
  | '$in'
  | '$nin'
  | '$gt'
  | '$gte'
  | '$lt'
  | '$lte'
  | '$exists'
  | '$contains'
  | '$prefix'

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly children: readonly Filter[] }
  | { readonly kind: 'not'; readonly child: Filter }
  | {
      readonly kind: 'compare'
      /** A dotted metadata path already split, or `['$id']` for the document id. */
      readonly path: readonly string[]
      readonly operator: Comparison
      readonly operand: Json
    }
  /**
   * Matches documents without an acl, and those whose acl shares an entry with `principals`. Made by authentication only:
   * no text of a caller is ever parsed to it.
   */
  | { readonly kind: 'acl'; readonly principals: readonly string[] }
