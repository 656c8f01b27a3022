/**
 * What an erased files object still does: it deletes the tenant's originals once more, because an upload that was on its way
 * while they went may have stored a part afterwards, and died before it could take it back.
 */
import type { TenantPart } from '../tenancy/tenant-part.ts'
import { UPLOAD_LEASE_MS } from './files-api.ts'
import type { OriginalStore } from './original-store.ts'

/** By then every upload has heard that the object is gone. */
const DELAY_MS = 2 * UPLOAD_LEASE_MS
/** A hash of internal ids, and a time. */
const KEY = 'late-sweep'

interface Planned {
  readonly prefix: string
  readonly dueMs: number
}

export class LateSweep implements TenantPart {
  readonly #kv: SyncKvStorage
  readonly #originals: Pick<OriginalStore, 'deletePrefix'>

  constructor(kv: SyncKvStorage, originals: Pick<OriginalStore, 'deletePrefix'>) {
    this.#kv = kv
    this.#originals = originals
  }

  plan(prefix: string, nowMs: number): void {
    this.#kv.put<Planned>(KEY, { prefix, dueMs: nowMs + DELAY_MS })
  }

  nextDueMs(): number | undefined {
    return this.#kv.get<Planned>(KEY)?.dueMs
  }

  async run(): Promise<void> {
    const planned = this.#kv.get<Planned>(KEY)
    if (planned === undefined) return
    await this.#originals.deletePrefix(planned.prefix)
    this.#kv.delete(KEY)
  }
}
