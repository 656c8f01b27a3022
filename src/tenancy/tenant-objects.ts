/** Where a tenant's object is found. Requests that belong to no tenant (root-level ones) use the operator's own. */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { TenantUid } from '../core/ids.ts'
import type { TenantObject } from './tenant-object.ts'

export class TenantObjects {
  readonly #namespace: DurableObjectNamespace<TenantObject>

  constructor(namespace: DurableObjectNamespace<TenantObject>) {
    this.#namespace = namespace
  }

  /** A fresh stub of the operator's own object. */
  operator(): Promise<DurableObjectStub<TenantObject>> {
    return this.of()
  }

  /** A fresh stub; without a tenant the operator's. */
  async of(tenantUid?: TenantUid): Promise<DurableObjectStub<TenantObject>> {
    return this.#namespace.getByName(await tenantObjectName(tenantUid))
  }
}

/** Hex SHA-256 of `tenant/<uid>`, or of `operator`, which no uid can spell. */
export const tenantObjectName = async (tenantUid?: TenantUid): Promise<string> =>
  hex(await sha256(utf8(tenantUid === undefined ? 'operator' : `tenant/${tenantUid}`)))
