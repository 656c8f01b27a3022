/**
 * Who is asking, and what may they do? A principal is made by `authenticate.ts` alone; use-cases take their tenant from
 * it and from nowhere else. Pure functions, no I/O.
 */
import { canonicalJson } from '../core/canonical-json.ts'
import { hex, sha256, utf8 } from '../core/bytes.ts'
import { Problem } from '../core/problem.ts'
import type { Filter } from '../metadata/filter.ts'
import type { IpRange } from './ip-ranges.ts'
import type { KeyRecord, TenantState } from './key-store.ts'
import type { Scope } from './scopes.ts'

export interface Principal {
  /** `token`: the bearer of a token that a secret key signed. */
  readonly kind: 'root' | 'secret' | 'public' | 'token'
  /** The key's 16 characters; of a token the key that signed it. */
  readonly keyId: string
  /** Always there but for the root key; for it only while it acts for a tenant that exists. */
  readonly tenant?: TenantState
  /** The `Nearfield-Tenant` header of the root key, whether or not such a tenant exists. */
  readonly actingFor?: string
  /** Empty for the root key. */
  readonly scopes: ReadonlySet<Scope>
  /** Names, `prefix*` or ids; absent: every collection of the tenant. */
  readonly collections?: readonly string[]
  /** A token's own list, beside its key's: a collection must be in both, because an id may carry any name. */
  readonly tokenCollections?: readonly string[]
  readonly origins?: readonly string[]
  /** Addresses that it may be used from; absent: any. */
  readonly ipRanges?: readonly IpRange[]
  /**
   * The visibility mask: the key's filter, the token's and the acl, parsed. Reads see only what matches; writes outside it
   * fail `outside_filter`.
   */
  readonly filter?: Filter
  readonly expiresAtMs?: number
  /** The key's record; absent for the root key. */
  readonly key?: KeyRecord
  /** What a token says of its bearer. */
  readonly token?: {
    readonly sub?: string
    readonly jti?: string
    /** Absent: none. */
    readonly principals?: readonly string[]
  }
}

/** A name, a prefix of names ending in `*`, or an id. */
const COLLECTION_PATTERN = /^(?:[a-z0-9][a-z0-9_-]{0,62}\*?|\*|col_[0-9A-Za-z]{16})$/

/** What one credential may do, for comparing two of them. */
export interface Rights {
  readonly scopes: Iterable<Scope>
  readonly collections?: readonly string[]
  readonly filter?: Filter
  readonly expiresAtMs?: number
}

/** Public keys and tokens lie open in web pages and apps: they see no raw scores, no vectors and no `acl`. */
export const isRestricted = ({ kind }: { readonly kind: string }): boolean => kind === 'public' || kind === 'token'

/** The mask of a reader who meets an `acl` with these principals, in any order: all of the filters and, always, the acl. */
export function visibleTo(principals: readonly string[], ...filters: readonly (Filter | undefined)[]): Filter {
  const acl: Filter = { kind: 'acl', principals: [...principals].sort() }
  return { kind: 'and', children: [...filters.filter((filter) => filter !== undefined), acl] }
}

/** Throws 403 unless the principal has one of the scopes. The root key has none: it is refused as such. */
export function requireScope(principal: Principal, ...anyOf: readonly Scope[]): void {
  if (principal.kind === 'root') throw new Problem('forbidden', 'the root key does not reach this')
  if (anyOf.some((scope) => principal.scopes.has(scope))) return
  throw new Problem('scope_missing', `the credential needs the scope ${anyOf.join(' or ')}`)
}

/** Throws 403 unless the credential is the root key. */
export function requireRoot(principal: Principal): void {
  if (principal.kind !== 'root') throw new Problem('forbidden', 'only the root key reaches this')
}

/** Throws 403 unless the principal is an `admin` key or the root key with a `Nearfield-Tenant` header. */
export function requireAdmin(principal: Principal): void {
  if (principal.kind !== 'root') return requireScope(principal, 'admin')
  if (principal.actingFor !== undefined) return
  throw new Problem('forbidden', 'the root key reaches this only with a Nearfield-Tenant header')
}

/**
 * The tenant that every storage call takes. Comes after the checks that answer 403 and 400.
 * @throws not_found when the root key acts for a tenant that does not exist; forbidden when it acts for none.
 */
export function requireTenant(principal: Principal): TenantState {
  if (principal.tenant !== undefined) return principal.tenant
  if (principal.actingFor !== undefined) throw new Problem('not_found')
  throw new Problem('forbidden', 'the root key reaches this only with a Nearfield-Tenant header')
}

/** Throws 403 `tenant_suspended` for the keys of a suspended tenant; the root key still administers it. */
export function requireActiveTenant(principal: Principal): void {
  if (principal.kind !== 'root' && principal.tenant?.suspended === true) throw new Problem('tenant_suspended')
}

/** Whether the text can stand in a list of collections. */
export const isCollectionPattern = (text: string): boolean => COLLECTION_PATTERN.test(text)

/** Whether `pattern` (a name, an id, or a prefix ending in `*`) names the collection. */
export function matchesCollection(
  pattern: string,
  collection: { readonly id: string; readonly name: string },
): boolean {
  if (pattern.endsWith('*')) return collection.name.startsWith(pattern.slice(0, -1))
  return pattern === collection.name || pattern === collection.id
}

/** Whether the credential reaches the collection; where not, the answer is the same 404 as for an absent one. */
export function mayReachCollection(
  rights: Pick<Principal, 'collections' | 'tokenCollections'>,
  collection: { readonly id: string; readonly name: string },
): boolean {
  return collectionLists(rights).every((list) => list.some((pattern) => matchesCollection(pattern, collection)))
}

/** The lists that a collection must all be in; none: every collection of the tenant. */
export const collectionLists = ({
  collections,
  tokenCollections,
}: Pick<Principal, 'collections' | 'tokenCollections'>): readonly (readonly string[])[] =>
  [collections, tokenCollections].filter((list) => list !== undefined)

/**
 * Whether the child can do nothing that the maker cannot: scopes, collections and lifetime are contained, and the maker's
 * filter is one of the child's conjuncts. Sound, not complete: a filter that only happens to imply the maker's is refused.
 */
export function isNarrowerOrEqual(child: Rights, maker: Rights): boolean {
  const allowed = new Set(maker.scopes)
  for (const scope of child.scopes) if (!allowed.has(scope)) return false
  if (maker.expiresAtMs !== undefined && (child.expiresAtMs ?? Infinity) > maker.expiresAtMs) return false
  return collectionsWithin(child.collections, maker.collections) && filterWithin(child.filter, maker.filter)
}

function collectionsWithin(child: readonly string[] | undefined, maker: readonly string[] | undefined): boolean {
  if (maker === undefined) return true
  return child?.every((pattern) => maker.some((wider) => patternWithin(pattern, wider))) ?? false
}

function patternWithin(pattern: string, wider: string): boolean {
  if (pattern === wider) return true
  // An id may carry any name, so a prefix of names never covers it.
  return wider.endsWith('*') && !pattern.startsWith('col_') && pattern.startsWith(wider.slice(0, -1))
}

function filterWithin(child: Filter | undefined, maker: Filter | undefined): boolean {
  if (maker === undefined) return true
  if (child === undefined) return false
  const conjuncts = new Set(conjunctsOf(child).map(canonicalJson))
  return conjunctsOf(maker).every((conjunct) => conjuncts.has(canonicalJson(conjunct)))
}

const conjunctsOf = (filter: Filter): readonly Filter[] =>
  filter.kind === 'and' ? filter.children.flatMap(conjunctsOf) : [filter]

/**
 * Hex SHA-256 of what the credential may do, equal for two credentials of a tenant with equal rights. Part of the
 * fingerprint of replay records, so that a narrower key never reads a wider key's answer.
 */
export async function rightsDigest(principal: Principal): Promise<string> {
  const { token, tokenCollections } = principal
  const rights = {
    kind: principal.kind,
    scopes: [...principal.scopes].sort(),
    collections: sorted(principal.collections),
    // Of a token it holds the principals, too.
    filter: principal.filter ?? null,
    // Left out where absent: so the digests of keys are those of the release before there were tokens.
    ...(tokenCollections && { tokenCollections: sorted(tokenCollections) }),
    ...(token?.sub !== undefined && { sub: token.sub }),
  }
  return hex(await sha256(utf8(canonicalJson(rights))))
}

const sorted = (list: readonly string[] | undefined): readonly string[] | null =>
  list === undefined ? null : [...list].sort()
