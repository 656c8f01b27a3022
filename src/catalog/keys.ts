/** Keys in D1: digests and rights, never a secret. Also the store that authentication reads, one read a call. */
import { and, asc, eq, gt, gte, isNull, lt, sql } from 'drizzle-orm'
import type { SQL } from 'drizzle-orm'
import { base64url, fromBase64url } from '../core/bytes.ts'
import type { TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { Problem } from '../core/problem.ts'
import type { IssuedKey } from '../tenancy/issue-key.ts'
import type { KeyRecord, KeyStore, StoredKey, StoredSecret, TenantState } from '../tenancy/key-store.ts'
import { isTenantId } from '../tenancy/tenant-id.ts'
import type { Connection } from './connection.ts'
import { pageOf } from './paging.ts'
import type { Page, PageRequest } from './records.ts'
import { keys, tenants } from './schema.ts'

type KeyRow = typeof keys.$inferSelect

/** What the maker chose; `tenancy/new-key.ts` has checked it. */
export type NewKeyRecord = Omit<KeyRecord, 'id' | 'version' | 'lastUsedAtMs' | 'createdAtMs' | 'updatedAtMs'>

/** `null` removes a restriction. */
export interface KeyChanges {
  readonly name?: string
  readonly scopes?: KeyRecord['scopes']
  readonly collections?: readonly string[] | null
  readonly origins?: readonly string[] | null
  readonly ipRanges?: readonly string[] | null
  readonly filter?: KeyRecord['filter'] | null
  readonly rateLimit?: KeyRecord['rateLimit'] | null
  readonly expiresAtMs?: number | null
  readonly tokensNotBeforeMs?: number | null
}

export interface Rotation {
  /** Repeated with the same one, a rotation replaces only the secret that it made itself, which nobody saw. */
  readonly operationId: string
  /** How long the secret before it lives on; 0: not at all. */
  readonly graceMs: number
}

export interface RotatedKey {
  readonly record: KeyRecord
  /** When the secret before it ends; absent: it has ended. */
  readonly previousUntilMs?: number
}

/** Which keys a list shows: those whose id begins so. */
export interface KeySelection {
  readonly prefix?: string
  readonly kind?: KeyRecord['kind']
}

export class Keys implements KeyStore {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  async findKey(id: string): Promise<StoredKey | undefined> {
    const rows = await this.#connection.runUnchecked((db) =>
      db
        .select({ key: keys, tenant: tenants })
        .from(keys)
        .innerJoin(tenants, eq(tenants.uid, keys.tenantUid))
        .where(and(eq(keys.id, id), isNull(tenants.deletedAtMs))),
    )
    return rows[0] === undefined ? undefined : storedOf(rows[0].key, stateOf(rows[0].tenant))
  }

  async findTenant(id: string): Promise<TenantState | undefined> {
    if (!isTenantId(id)) return undefined
    const rows = await this.#connection.runUnchecked((db) =>
      db
        .select()
        .from(tenants)
        .where(and(eq(tenants.id, id), isNull(tenants.deletedAtMs))),
    )
    return rows[0] === undefined ? undefined : stateOf(rows[0])
  }

  /**
   * Keeps a key that was just issued. Issued again under the same id (a repeated operation), the newer secret is the one
   * that counts: nobody ever saw the older.
   * @throws not_found when the tenant was deleted, or a key of this id revoked, meanwhile.
   */
  async create(made: NewKeyRecord, issued: IssuedKey): Promise<KeyRecord> {
    const nowMs = this.#connection.clock()
    const { tenantUid, name, kind, scopes, collections, origins, ipRanges, filter, rateLimit, createdBy } = made
    const { expiresAtMs = null, tokensNotBeforeMs = null } = made
    const { key, secretHash } = issued
    const sealed = sealedText(issued)
    const [inserted] = await this.#connection.batch(
      sql`INSERT INTO keys (id, tenant_uid, name, kind, secret_hash, sealed_signing_key, scopes, collections, origins, ip_ranges,
          filter, rate_limit, expires_at_ms, tokens_not_before_ms, version, created_by, created_at_ms, updated_at_ms)
        SELECT ${key.id}, uid, ${name}, ${kind}, ${secretHash}, ${sealed}, ${json(scopes)}, ${json(collections)},
          ${json(origins)}, ${json(ipRanges)}, ${json(filter)}, ${json(rateLimit)}, ${expiresAtMs},
          ${tokensNotBeforeMs}, 1, ${createdBy}, ${nowMs}, ${nowMs}
        FROM tenants WHERE uid = ${tenantUid} AND deleted_at_ms IS NULL
        ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, sealed_signing_key = excluded.sealed_signing_key
        WHERE keys.tenant_uid = excluded.tenant_uid AND keys.revoked_at_ms IS NULL`,
    )
    const created = inserted?.meta.changes === 0 ? undefined : await this.find(tenantUid, key.id)
    if (created === undefined) throw new Problem('not_found')
    return created
  }

  /** By id, ascending; revoked keys are left out. */
  async list(
    tenantUid: TenantUid,
    { limit, after = '' }: PageRequest,
    { prefix = '', kind }: KeySelection = {},
  ): Promise<Page<KeyRecord>> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(keys)
        .where(
          and(
            eq(keys.tenantUid, tenantUid),
            gt(keys.id, after),
            isNull(keys.revokedAtMs),
            gte(keys.id, prefix),
            lt(keys.id, `${prefix}${AFTER_BASE62}`),
            ...(kind === undefined ? [] : [eq(keys.kind, kind)]),
          ),
        )
        .orderBy(asc(keys.id))
        .limit(limit + 1),
    )
    return pageOf(rows.map(recordOf), limit, ({ id }) => id)
  }

  async find(tenantUid: TenantUid, id: string): Promise<KeyRecord | undefined> {
    const rows = await this.#connection.run((db) => db.select().from(keys).where(live(tenantUid, id)))
    return rows[0] === undefined ? undefined : recordOf(rows[0])
  }

  /** `undefined` when there is no such key. */
  async update(tenantUid: TenantUid, id: string, changes: KeyChanges): Promise<KeyRecord | undefined> {
    const { scopes, collections, origins, ipRanges, ...rest } = changes
    const updatedAtMs = this.#connection.clock()
    const rows = await this.#connection.run((db) =>
      db
        .update(keys)
        .set({
          ...rest,
          ...(scopes === undefined ? {} : { scopes: [...scopes] }),
          ...(collections === undefined ? {} : { collections: copied(collections) }),
          ...(origins === undefined ? {} : { origins: copied(origins) }),
          ...(ipRanges === undefined ? {} : { ipRanges: copied(ipRanges) }),
          updatedAtMs,
        })
        .where(live(tenantUid, id))
        .returning(),
    )
    return rows[0] === undefined ? undefined : recordOf(rows[0])
  }

  /**
   * Gives a key a new secret. The one before it lives on for the grace, one older than that ends at once.
   * `undefined` when there is no such key.
   */
  async rotate(
    tenantUid: TenantUid,
    { key, ...secret }: IssuedKey,
    { operationId, graceMs }: Rotation,
  ): Promise<RotatedKey | undefined> {
    const nowMs = this.#connection.clock()
    // In an UPDATE every expression sees the row as it was before.
    const first = sql`rotated_by IS NOT ${operationId}`
    const graceEnds = graceMs === 0 ? null : nowMs + graceMs
    const kept = (column: SQL, before: SQL): SQL =>
      graceMs === 0 ? sql`NULL` : sql`CASE WHEN ${first} THEN ${before} ELSE ${column} END`
    const rows = await this.#connection.run((db) =>
      db
        .update(keys)
        .set({
          previousSecretHash: kept(sql`previous_secret_hash`, sql`secret_hash`),
          previousSealedSigningKey: kept(sql`previous_sealed_signing_key`, sql`sealed_signing_key`),
          previousUntilMs: kept(sql`previous_until_ms`, sql`${graceEnds}`),
          version: sql`version + (${first})`,
          rotatedBy: operationId,
          secretHash: secret.secretHash,
          sealedSigningKey: sealedText(secret),
          updatedAtMs: nowMs,
        })
        .where(live(tenantUid, key.id))
        .returning(),
    )
    const [row] = rows
    if (row === undefined) return undefined
    const { previousUntilMs } = row
    return { record: recordOf(row), ...(previousUntilMs === null ? {} : { previousUntilMs }) }
  }

  /** Remembers when keys were used last. One statement; an earlier time never replaces a later one. */
  async noteUses(uses: readonly { readonly keyId: string; readonly atMs: number }[]): Promise<void> {
    const list = JSON.stringify(uses.map(({ keyId, atMs }) => [keyId, atMs]))
    await this.#connection.batch(
      sql`UPDATE keys SET last_used_at_ms = uses.at_ms
        FROM (SELECT value ->> 0 AS id, value ->> 1 AS at_ms FROM json_each(${list})) AS uses
        WHERE keys.id = uses.id AND coalesce(keys.last_used_at_ms, 0) < uses.at_ms`,
    )
  }

  /** False when there is no such key or it was revoked before. The row stays, so that the id never means another key. */
  async revoke(tenantUid: TenantUid, id: string): Promise<boolean> {
    const nowMs = this.#connection.clock()
    const { meta } = await this.#connection.run((db) =>
      db.update(keys).set({ revokedAtMs: nowMs, updatedAtMs: nowMs }).where(live(tenantUid, id)),
    )
    return meta.changes > 0
  }
}

/** Sorts behind every base62 digit. */
const AFTER_BASE62 = '~'

/** A JSON column: absent is NULL. */
const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))

const copied = (list: readonly string[] | null): string[] | null => (list === null ? null : [...list])

const sealedText = ({ sealedSigningKey }: StoredSecret): string | null =>
  sealedSigningKey === undefined ? null : base64url(sealedSigningKey)

const live = (tenantUid: TenantUid, id: string) =>
  and(eq(keys.tenantUid, tenantUid), eq(keys.id, id), isNull(keys.revokedAtMs))

function stateOf({ id, uid, suspended, limits }: typeof tenants.$inferSelect): TenantState {
  invariant(uid !== null, 'a live tenant has a uid')
  return { id, uid, suspended, limits: limits ?? {} }
}

function storedOf(row: KeyRow, tenant: TenantState): StoredKey {
  const { previousSecretHash, previousUntilMs, revokedAtMs } = row
  return {
    record: recordOf(row),
    ...secretOf(row.secretHash, row.sealedSigningKey),
    ...(previousSecretHash === null || previousUntilMs === null
      ? {}
      : { previous: { ...secretOf(previousSecretHash, row.previousSealedSigningKey), untilMs: previousUntilMs } }),
    ...(revokedAtMs === null ? {} : { revokedAtMs }),
    tenant,
  }
}

function secretOf(secretHash: string, sealed: string | null): StoredSecret {
  const sealedSigningKey = sealed === null ? undefined : fromBase64url(sealed)
  return { secretHash, ...(sealedSigningKey === undefined ? {} : { sealedSigningKey }) }
}

function recordOf(row: KeyRow): KeyRecord {
  const { collections, origins, filter, ipRanges, rateLimit, expiresAtMs, tokensNotBeforeMs, lastUsedAtMs } = row
  return {
    id: row.id,
    tenantUid: row.tenantUid,
    name: row.name,
    kind: row.kind,
    scopes: row.scopes,
    version: row.version,
    createdAtMs: row.createdAtMs,
    updatedAtMs: row.updatedAtMs,
    createdBy: row.createdBy,
    ...(collections === null ? {} : { collections }),
    ...(origins === null ? {} : { origins }),
    ...(filter === null ? {} : { filter }),
    ...(ipRanges === null ? {} : { ipRanges }),
    ...(rateLimit === null ? {} : { rateLimit }),
    ...(expiresAtMs === null ? {} : { expiresAtMs }),
    ...(tokensNotBeforeMs === null ? {} : { tokensNotBeforeMs }),
    ...(lastUsedAtMs === null ? {} : { lastUsedAtMs }),
  }
}
