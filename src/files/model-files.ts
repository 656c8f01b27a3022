/**
 * Files of models that may have lost their row: a request stores the file before the row and deletes it after, and may die in
 * between. An hour later the control plane is asked; a file of a model that it does not have goes.
 */
import type { TenantUid } from '../core/ids.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import { modelKey } from './original-key.ts'
import type { OriginalStore } from './original-store.ts'

/** No request takes so long between the two. */
const DELAY_MS = 3_600_000
/** Then the model's uid. */
const PREFIX = 'model-file/'

interface Watched {
  readonly tenantUid: TenantUid
  readonly modelUid: string
  readonly dueMs: number
  /** Under which it may have been stored in part. */
  readonly multipartIds: readonly string[]
}

export interface ModelFilesOptions {
  readonly originals: Pick<OriginalStore, 'delete' | 'abortMultipart'>
  /** Whether the control plane has the model. */
  readonly hasModel: (tenantUid: TenantUid, modelUid: string) => Promise<boolean>
}

export class ModelFiles implements TenantPart {
  readonly #kv: SyncKvStorage
  readonly #options: ModelFilesOptions

  constructor(kv: SyncKvStorage, options: ModelFilesOptions) {
    this.#kv = kv
    this.#options = options
  }

  watch(tenantUid: TenantUid, modelUid: string, nowMs: number, multipartId?: string): void {
    const known = this.#kv.get<Watched>(PREFIX + modelUid)?.multipartIds ?? []
    const multipartIds = multipartId === undefined ? known : [...known, multipartId]
    this.#kv.put<Watched>(PREFIX + modelUid, { tenantUid, modelUid, dueMs: nowMs + DELAY_MS, multipartIds })
  }

  nextDueMs(): number | undefined {
    const times = [...this.#kv.list<Watched>({ prefix: PREFIX })].map(([, { dueMs }]) => dueMs)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  async run(nowMs: number): Promise<void> {
    const { originals, hasModel } = this.#options
    const watched = [...this.#kv.list<Watched>({ prefix: PREFIX })]
    for (const [name, { tenantUid, modelUid, dueMs, multipartIds }] of watched.filter(
      ([, { dueMs: due }]) => due <= nowMs,
    )) {
      const key = await modelKey(tenantUid, modelUid)
      for (const multipartId of multipartIds) await originals.abortMultipart(key, multipartId)
      if (!(await hasModel(tenantUid, modelUid))) await originals.delete([key])
      // Who began again meanwhile is watched from then on.
      if (this.#kv.get<Watched>(name)?.dueMs === dueMs) this.#kv.delete(name)
    }
  }
}
