/**
 * What a key may be: the checks that a schema cannot say. Shapes and types were checked by the route; here come the
 * grammars of its lists, the filter's own, and the rule that no key is wider than its maker.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { Faults } from '../core/faults.ts'
import { MAX_KEY_FILTER_BYTES, MAX_KEY_LIST_ENTRIES } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import type { FieldFault } from '../core/problem.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { rangeFault, rangesContain, readRange } from './ip-ranges.ts'
import type { IpRange } from './ip-ranges.ts'
import { originFault } from './origins.ts'
import { isCollectionPattern, isNarrowerOrEqual } from './principal.ts'
import type { Principal, Rights } from './principal.ts'
import type { Scope } from './scopes.ts'
import { isRateWithin } from './tenant-limits.ts'
import type { KeyRateLimit } from './tenant-limits.ts'

/** What a request says of a key; a change may leave anything out. */
export interface KeyFields {
  readonly kind?: 'secret' | 'public'
  readonly scopes?: readonly Scope[]
  readonly collections?: readonly string[]
  readonly origins?: readonly string[]
  readonly ipRanges?: readonly string[]
  readonly filter?: JsonObject
  readonly rateLimit?: KeyRateLimit
  readonly expiresAtMs?: number
  readonly tokensNotBeforeMs?: number
}

/** A public key is readable in every page that uses it: it may read, never write. */
const NEVER_PUBLIC: readonly Scope[] = ['admin', 'collections', 'documents:write']

/**
 * Checks what can be told from the fields alone: of a new key, of a change, or of a key as a change would leave it.
 * @throws invalid_request with a pointer for each fault
 */
export function checkKeyFields(fields: KeyFields, nowMs: number): void {
  const faults = new Faults()
  const found = [...scopeFaults(fields), ...collectionFaults(fields), ...originFaults(fields), ...rangeFaults(fields)]
  for (const { pointer, detail } of found) faults.add(pointer, detail)
  checkFilter(fields, faults)
  for (const { pointer, detail } of publicFaults(fields)) faults.add(pointer, detail)
  if (fields.expiresAtMs !== undefined && fields.expiresAtMs <= nowMs)
    faults.add('/expiresAt', 'must lie in the future')
  faults.throwIfAny()
}

/** Comes after `checkKeyFields`. @throws forbidden when the key would be wider than who makes or changes it */
export function requireNotWider(key: KeyFields & { readonly scopes: readonly Scope[] }, maker: Principal): void {
  const { scopes, collections, filter, expiresAtMs, ipRanges, rateLimit } = key
  const rights: Rights = {
    scopes,
    ...(collections === undefined ? {} : { collections }),
    ...(filter === undefined ? {} : { filter: parseFilter(filter, '/filter') }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  }
  if (maker.kind === 'root') return
  const isNarrow =
    isNarrowerOrEqual(rights, maker) &&
    rangesWithin(ipRanges, maker.ipRanges) &&
    isRateWithin(rateLimit, maker.key?.rateLimit)
  if (isNarrow) return
  throw new Problem('forbidden', 'a key is never wider than its maker')
}

/** A stored range that cannot be read any more holds no address, so it is within any. */
function rangesWithin(ranges: readonly string[] | undefined, wider: readonly IpRange[] | undefined): boolean {
  if (wider === undefined) return true
  return ranges?.flatMap((text) => readRange(text) ?? []).every((range) => rangesContain(wider, range)) ?? false
}

function* scopeFaults({ kind, scopes, collections, filter }: KeyFields): Generator<FieldFault> {
  if (scopes === undefined) return
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

function* collectionFaults({ collections }: KeyFields): Generator<FieldFault> {
  if (collections === undefined) return
  const isTooLong = yield* lengthFaults('/collections', collections)
  if (isTooLong) return
  for (const [index, pattern] of collections.entries()) {
    const detail = 'must be a collection name, an id col_… or a prefix ending in *'
    if (!isCollectionPattern(pattern)) yield { pointer: `/collections/${index}`, detail }
  }
}

function* originFaults({ kind, origins }: KeyFields): Generator<FieldFault> {
  if (origins === undefined) return
  if (kind === 'secret') yield { pointer: '/origins', detail: 'only public keys have origins' }
  const isTooLong = yield* lengthFaults('/origins', origins)
  if (isTooLong) return
  for (const [index, origin] of origins.entries()) {
    const detail = originFault(origin)
    if (detail !== undefined) yield { pointer: `/origins/${index}`, detail }
  }
}

function* rangeFaults({ ipRanges }: KeyFields): Generator<FieldFault> {
  if (ipRanges === undefined) return
  const isTooLong = yield* lengthFaults('/ipRanges', ipRanges)
  if (isTooLong) return
  for (const [index, range] of ipRanges.entries()) {
    const detail = rangeFault(range)
    if (detail !== undefined) yield { pointer: `/ipRanges/${index}`, detail }
  }
}

/** Public keys sign no tokens. */
function* publicFaults({ kind, tokensNotBeforeMs, rateLimit }: KeyFields): Generator<FieldFault> {
  if (kind !== 'public') return
  const detail = 'does not go with a public key, which signs no tokens'
  if (tokensNotBeforeMs !== undefined) yield { pointer: '/tokensNotBefore', detail }
  if (rateLimit?.perSub !== undefined) yield { pointer: '/rateLimit/perSub', detail }
}

function checkFilter({ filter }: KeyFields, faults: Faults): void {
  if (filter === undefined) return
  if (utf8Length(JSON.stringify(filter)) > MAX_KEY_FILTER_BYTES) {
    faults.add('/filter', `must have at most ${MAX_KEY_FILTER_BYTES} bytes as JSON`)
  } else {
    faults.attempt(() => parseFilter(filter, '/filter'))
  }
}

/** Returns whether the list is too long to look into. */
function* lengthFaults(pointer: string, list: readonly string[]): Generator<FieldFault, boolean> {
  if (list.length === 0) yield { pointer, detail: 'must not be empty; leave it out for no restriction' }
  if (list.length <= MAX_KEY_LIST_ENTRIES) return false
  yield { pointer, detail: `must have at most ${MAX_KEY_LIST_ENTRIES} entries` }
  return true
}
