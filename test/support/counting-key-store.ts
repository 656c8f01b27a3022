/** Keys and tenants in memory for tests of authentication, with every read counted. */
import type { TenantUid } from '../../src/core/ids.ts'
import { keyHash, newKey } from '../../src/tenancy/key-format.ts'
import type { ParsedKey } from '../../src/tenancy/key-format.ts'
import type { KeyRecord, KeyStore, StoredKey, TenantState } from '../../src/tenancy/key-store.ts'

export const ACME: TenantState = { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} }

/** Reads can be made to wait, to fail, or never to end. */
export class CountingKeyStore implements KeyStore {
  readonly keys = new Map<string, StoredKey>()
  readonly tenants = new Map<string, TenantState>([[ACME.id, ACME]])
  readonly reads: string[] = []
  fault: (() => Promise<void>) | undefined

  async findKey(id: string): Promise<StoredKey | undefined> {
    this.reads.push(id)
    const found = this.keys.get(id)
    await this.fault?.()
    return found
  }

  async findTenant(id: string): Promise<TenantState | undefined> {
    this.reads.push(id)
    const found = this.tenants.get(id)
    await this.fault?.()
    return found
  }

  /** A new key of `ACME` that may search, unless told otherwise. */
  async addKey(record: Partial<KeyRecord> = {}): Promise<ParsedKey> {
    const key = newKey(record.kind ?? 'secret')
    const stored: StoredKey = {
      record: {
        id: key.id,
        tenantUid: ACME.uid,
        name: 'test',
        kind: 'secret',
        scopes: ['search'],
        version: 1,
        createdAtMs: 0,
        updatedAtMs: 0,
        createdBy: 'root',
        ...record,
      },
      secretHash: await keyHash(key),
      tenant: ACME,
    }
    this.keys.set(key.id, stored)
    return key
  }
}
