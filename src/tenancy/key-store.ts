/**
 * Where keys and tenants are looked up while a request is authenticated. The port is declared here and implemented by
 * `catalog/keys.ts`, so that authentication is tested without a database. Each call is one read.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import type { TenantUid } from '../core/ids.ts'
import type { Scope } from './scopes.ts'
import type { KeyRateLimit, TenantLimits } from './tenant-limits.ts'

/** What a request must know of its tenant. */
export interface TenantState {
  /** The public id, as in `Nearfield-Tenant`. */
  readonly id: string
  readonly uid: TenantUid
  readonly suspended: boolean
  readonly limits: TenantLimits
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
  /** Addresses and CIDR ranges that it may be used from; absent: any. */
  readonly ipRanges?: readonly string[]
  readonly rateLimit?: KeyRateLimit
  readonly expiresAtMs?: number
  /** Tokens issued before it are refused; secret keys only. */
  readonly tokensNotBeforeMs?: number
  /** Exact to a minute; absent until the first use. */
  readonly lastUsedAtMs?: number
  /** Rises when the secret is rotated; 1 until then. */
  readonly version: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  /** Key id of the maker, or `root`. */
  readonly createdBy: string
}

/** One secret of a key, as it is kept. */
export interface StoredSecret {
  /** Hex SHA-256 of the full key string. */
  readonly secretHash: string
  /** What verifies the tokens that it signed; secret keys only. `openSigningKey` opens it. */
  readonly sealedSigningKey?: Uint8Array<ArrayBuffer>
}

/** The secret that stood before the last rotation. */
export interface PreviousSecret extends StoredSecret {
  /** It and its tokens are refused from then on. */
  readonly untilMs: number
}

/** A key as authentication needs it. */
export interface StoredKey extends StoredSecret {
  readonly record: KeyRecord
  readonly previous?: PreviousSecret
  /** A revoked key is found, so that the refusal of its right secret can be told from guessing; it opens nothing. */
  readonly revokedAtMs?: number
  readonly tenant: TenantState
}

export interface KeyStore {
  /** One read. `undefined` for an unknown key and for a key of a deleted tenant. */
  findKey(id: string): Promise<StoredKey | undefined>
  /** One read, by public id. `undefined` for an unknown or deleted tenant. */
  findTenant(id: string): Promise<TenantState | undefined>
}
