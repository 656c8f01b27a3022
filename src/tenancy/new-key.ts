/**
 * What a new key may be: the checks that a schema cannot say. Shapes and types were checked by the route; here come the
 * grammars of its lists, the filter's own, and the rule that no key is wider than its maker.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { MAX_KEY_FILTER_BYTES, MAX_KEY_LIST_ENTRIES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { FieldFault } from '../core/problem.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { originFault } from './origins.ts'
import { isNarrowerOrEqual } from './principal.ts'
import type { Principal, Rights } from './principal.ts'
import type { Scope } from './scopes.ts'

export interface NewKeyRequest {
  readonly kind: 'secret' | 'public'
  readonly scopes: readonly Scope[]
  readonly collections?: readonly string[]
  readonly origins?: readonly string[]
  readonly filter?: JsonObject
  readonly expiresAtMs?: number
}

const COLLECTION_PATTERN = /^(?:[a-z0-9][a-z0-9_-]{0,62}\*?|\*|col_[0-9A-Za-z]{16})$/
/** A public key is readable in every page that uses it: it may read, never write. */
const NEVER_PUBLIC: readonly Scope[] = ['admin', 'collections', 'documents:write']

/**
 * Checks a key before it is made or changed.
 * @throws invalid_request with pointers into the request; forbidden when it would be wider than its maker.
 */
export function checkNewKey(request: NewKeyRequest, maker: Principal, nowMs: number): void {
  const faults = [
    ...scopeFaults(request),
    ...collectionFaults(request),
    ...originFaults(request),
    ...filterFaults(request),
  ]
  if (request.expiresAtMs !== undefined && request.expiresAtMs <= nowMs) {
    faults.push({ pointer: '/expiresAt', detail: 'must lie in the future' })
  }
  const [first] = faults
  if (first !== undefined) throw new Problem('invalid_request', first.detail, { errors: faults })

  const { scopes, collections, expiresAtMs } = request
  const child: Rights = {
    scopes,
    ...(collections === undefined ? {} : { collections }),
    ...(request.filter === undefined ? {} : { filter: parseFilter(request.filter, '/filter') }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
  if (maker.kind === 'root' || isNarrowerOrEqual(child, maker)) return
  throw new Problem('forbidden', 'a key is never wider than its maker')
}

function* scopeFaults({ kind, scopes, collections, filter }: NewKeyRequest): Generator<FieldFault> {
  if (scopes.length === 0) yield { pointer: '/scopes', detail: 'must name at least one scope' }
  for (const [index, scope] of scopes.entries()) {
    const pointer = `/scopes/${index}`
    if (scopes.indexOf(scope) !== index) yield { pointer, detail: 'is named twice' }
    if (kind === 'public' && NEVER_PUBLIC.includes(scope))
      yield { pointer, detail: `a public key cannot have ${scope}` }
  }
  if (!scopes.includes('admin')) return
  // A key that makes keys could make one without the restriction.
  if (collections !== undefined) yield { pointer: '/collections', detail: 'does not go with the scope admin' }
  if (filter !== undefined) yield { pointer: '/filter', detail: 'does not go with the scope admin' }
}

function* collectionFaults({ collections }: NewKeyRequest): Generator<FieldFault> {
  if (collections === undefined) return
  const isTooLong = yield* lengthFaults('/collections', collections)
  if (isTooLong) return
  for (const [index, pattern] of collections.entries()) {
    const detail = 'must be a collection name, an id col_… or a prefix ending in *'
    if (!COLLECTION_PATTERN.test(pattern)) yield { pointer: `/collections/${index}`, detail }
  }
}

function* originFaults({ kind, origins }: NewKeyRequest): Generator<FieldFault> {
  if (origins === undefined) return
  if (kind === 'secret') yield { pointer: '/origins', detail: 'only public keys have origins' }
  const isTooLong = yield* lengthFaults('/origins', origins)
  if (isTooLong) return
  for (const [index, origin] of origins.entries()) {
    const detail = originFault(origin)
    if (detail !== undefined) yield { pointer: `/origins/${index}`, detail }
  }
}

function* filterFaults({ filter }: NewKeyRequest): Generator<FieldFault> {
  if (filter === undefined || utf8Length(JSON.stringify(filter)) <= MAX_KEY_FILTER_BYTES) return
  yield { pointer: '/filter', detail: `must have at most ${MAX_KEY_FILTER_BYTES} bytes as JSON` }
}

/** Returns whether the list is too long to look into. */
function* lengthFaults(pointer: string, list: readonly string[]): Generator<FieldFault, boolean> {
  if (list.length === 0) yield { pointer, detail: 'must not be empty; leave it out for no restriction' }
  if (list.length <= MAX_KEY_LIST_ENTRIES) return false
  yield { pointer, detail: `must have at most ${MAX_KEY_LIST_ENTRIES} entries` }
  return true
}
