/** Keys in D1: digests and rights, never a secret. Also the store that authentication reads, one read a call. */
import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import { base64url, fromBase64url } from '../core/bytes.ts'
import type { TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { Problem } from '../core/problem.ts'
import type { IssuedKey } from '../tenancy/issue-key.ts'
import type { KeyRecord, KeyStore, StoredKey, TenantState } from '../tenancy/key-store.ts'
import { isTenantId } from '../tenancy/tenant-id.ts'
import type { Connection } from './connection.ts'
import { pageOf } from './paging.ts'
import type { Page, PageRequest } from './records.ts'
import { keys, tenants } from './schema.ts'

type KeyRow = typeof keys.$inferSelect

/** What the maker chose; `tenancy/new-key.ts` has checked it. */
export type NewKeyRecord = Pick<
  KeyRecord,
  'tenantUid' | 'name' | 'kind' | 'scopes' | 'collections' | 'origins' | 'filter' | 'expiresAtMs' | 'createdBy'
>

/** `null` removes a restriction. */
export interface KeyChanges {
  readonly name?: string
  readonly scopes?: KeyRecord['scopes']
  readonly collections?: readonly string[] | null
  readonly origins?: readonly string[] | null
  readonly filter?: KeyRecord['filter'] | null
  readonly expiresAtMs?: number | null
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
        .where(and(eq(keys.id, id), isNull(keys.revokedAtMs), isNull(tenants.deletedAtMs))),
    )
    const row = rows[0]
    if (row === undefined) return undefined
    return { record: recordOf(row.key), secretHash: row.key.secretHash, tenant: stateOf(row.tenant) }
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
    const { tenantUid, name, kind, scopes, collections, origins, filter, expiresAtMs = null, createdBy } = made
    const { key, secretHash, sealedSigningKey } = issued
    const sealed = sealedSigningKey === undefined ? null : base64url(sealedSigningKey)
    const [inserted] = await this.#connection.batch(
      sql`INSERT INTO keys (id, tenant_uid, name, kind, secret_hash, sealed_signing_key, scopes, collections, origins, filter,
          expires_at_ms, version, created_by, created_at_ms, updated_at_ms)
        SELECT ${key.id}, uid, ${name}, ${kind}, ${secretHash}, ${sealed}, ${json(scopes)}, ${json(collections)},
          ${json(origins)}, ${json(filter)}, ${expiresAtMs}, 1, ${createdBy}, ${nowMs}, ${nowMs}
        FROM tenants WHERE uid = ${tenantUid} AND deleted_at_ms IS NULL
        ON CONFLICT (id) DO UPDATE SET secret_hash = excluded.secret_hash, sealed_signing_key = excluded.sealed_signing_key
        WHERE keys.tenant_uid = excluded.tenant_uid AND keys.revoked_at_ms IS NULL`,
    )
    const created = inserted?.meta.changes === 0 ? undefined : await this.find(tenantUid, key.id)
    if (created === undefined) throw new Problem('not_found')
    return created
  }

  /** By id, ascending; revoked keys are left out. */
  async list(tenantUid: TenantUid, { limit, after = '' }: PageRequest): Promise<Page<KeyRecord>> {
    const rows = await this.#connection.run((db) =>
      db
        .select()
        .from(keys)
        .where(and(eq(keys.tenantUid, tenantUid), gt(keys.id, after), isNull(keys.revokedAtMs)))
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
    const { scopes, collections, origins, ...rest } = changes
    const updatedAtMs = this.#connection.clock()
    const rows = await this.#connection.run((db) =>
      db
        .update(keys)
        .set({
          ...rest,
          ...(scopes === undefined ? {} : { scopes: [...scopes] }),
          ...(collections === undefined ? {} : { collections: collections === null ? null : [...collections] }),
          ...(origins === undefined ? {} : { origins: origins === null ? null : [...origins] }),
          updatedAtMs,
        })
        .where(live(tenantUid, id))
        .returning(),
    )
    return rows[0] === undefined ? undefined : recordOf(rows[0])
  }

  /** False when there is no such key or it was revoked before. The row stays, so that the id never means another key. */
  async revoke(tenantUid: TenantUid, id: string): Promise<boolean> {
    const nowMs = this.#connection.clock()
    const { meta } = await this.#connection.run((db) =>
      db.update(keys).set({ revokedAtMs: nowMs, updatedAtMs: nowMs }).where(live(tenantUid, id)),
    )
    return meta.changes > 0
  }

  /** The sealed signing key of a live secret key; `openSigningKey` opens it. */
  async findSealedSigningKey(id: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const rows = await this.#connection.runUnchecked((db) =>
      db
        .select({ sealed: keys.sealedSigningKey })
        .from(keys)
        .where(and(eq(keys.id, id), isNull(keys.revokedAtMs))),
    )
    const sealed = rows[0]?.sealed
    return typeof sealed === 'string' ? fromBase64url(sealed) : undefined
  }
}

/** A JSON column: absent is NULL. */
const json = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))

const live = (tenantUid: TenantUid, id: string) =>
  and(eq(keys.tenantUid, tenantUid), eq(keys.id, id), isNull(keys.revokedAtMs))

function stateOf({ id, uid, suspended }: typeof tenants.$inferSelect): TenantState {
  invariant(uid !== null, 'a live tenant has a uid')
  return { id, uid, suspended }
}

function recordOf(row: KeyRow): KeyRecord {
  const { collections, origins, filter, ipRanges, rateLimit, expiresAtMs } = row
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
  }
}
