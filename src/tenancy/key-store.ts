/**
 * Where keys and tenants are looked up while a request is authenticated. The port is declared here and implemented by
 * `catalog/keys.ts`, so that authentication is tested without a database. Each call is one read.
 */
import type { Json, JsonObject } from '../core/canonical-json.ts'
import type { TenantUid } from '../core/ids.ts'
import type { Scope } from './scopes.ts'

/** What a request must know of its tenant. */
export interface TenantState {
  /** The public id, as in `Nearfield-Tenant`. */
  readonly id: string
  readonly uid: TenantUid
  readonly suspended: boolean
}

/** A key as everyone may see it: all but its secret. */
export interface KeyRecord {
  /** The 16 base62 characters inside the key; the `kid` of its tokens. */
  readonly id: string
  readonly tenantUid: TenantUid
  readonly name: string
  readonly kind: 'secret' | 'public'
  readonly scopes: readonly Scope[]
  /** Collection names, `prefix*` or ids `col_…`; absent: every collection. */
  readonly collections?: readonly string[]
  /** Public keys only. */
  readonly origins?: readonly string[]
  /** The forced filter as it was sent; `parseFilter` accepted it. */
  readonly filter?: JsonObject
  /** Reserved. */
  readonly ipRanges?: readonly string[]
  /** Reserved. */
  readonly rateLimit?: Json
  readonly expiresAtMs?: number
  /** Rises when the secret is rotated; 1 until then. */
  readonly version: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  /** Key id of the maker, or `root`. */
  readonly createdBy: string
}

/** A key as authentication needs it. */
export interface StoredKey {
  readonly record: KeyRecord
  /** Hex SHA-256 of the full key string. */
  readonly secretHash: string
  readonly tenant: TenantState
}

export interface KeyStore {
  /** One read. `undefined` for an unknown or revoked key and for a key of a deleted tenant. */
  findKey(id: string): Promise<StoredKey | undefined>
  /** One read, by public id. `undefined` for an unknown or deleted tenant. */
  findTenant(id: string): Promise<TenantState | undefined>
}
