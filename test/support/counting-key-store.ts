/** Keys and tenants in memory for tests of authentication, with every read counted. */
import type { TenantUid } from '../../src/core/ids.ts'
import { issueKey } from '../../src/tenancy/issue-key.ts'
import type { ParsedKey } from '../../src/tenancy/key-format.ts'
import type { KeyRecord, KeyStore, StoredKey, TenantState } from '../../src/tenancy/key-store.ts'
import { Sealer } from '../../src/tenancy/sealing.ts'

export const ACME: TenantState = { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} }

/** What the keys of the store are sealed with. */
export const SEALER = new Sealer('ab'.repeat(32))

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
    const { key, ...secret } = await issueKey(SEALER, record.kind ?? 'secret')
    this.keys.set(key.id, {
      ...secret,
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
      tenant: ACME,
    })
    return key
  }

  /** Changes what is stored of a key. */
  change(id: string, change: (stored: StoredKey) => Partial<StoredKey>): void {
    const stored = this.keys.get(id)
    if (stored === undefined) throw new Error('no such key')
    this.keys.set(id, { ...stored, ...change(stored) })
  }

  /** A new secret for a key; the one before it lives until a time. */
  async rotate(id: string, untilMs: number): Promise<ParsedKey> {
    const { key, ...secret } = await issueKey(SEALER, 'secret', id)
    this.change(id, ({ secretHash, sealedSigningKey }) => ({
      ...secret,
      previous: { secretHash, ...(sealedSigningKey === undefined ? {} : { sealedSigningKey }), untilMs },
    }))
    return key
  }
}
