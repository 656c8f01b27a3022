/** The conjunction of what a request asks for and what its credential may see. */
import type { Filter } from './filter.ts'

/** Combines filters with and; `undefined` ones restrict nothing. `undefined` when none restricts anything. */
export function combineFilters(...filters: readonly (Filter | undefined)[]): Filter | undefined {
  const children = filters.filter((filter) => filter !== undefined)
  return children.length > 1 ? { kind: 'and', children } : children[0]
}

/** What remains of a filter where no document has an acl; `undefined` when that leaves no document out. */
export function withoutAcl(filter: Filter): Filter | undefined {
  if (filter.kind === 'acl') return undefined
  return filter.kind === 'and' ? combineFilters(...filter.children.map(withoutAcl)) : filter
}
