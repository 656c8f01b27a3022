/** Where a tenant's files object is found. */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { TenantUid } from '../core/ids.ts'
import type { SourcesApi } from '../sources/source.ts'
import type { FilesApi } from './files-api.ts'
import type { FilesObject } from './files-object.ts'

export class FilesObjects {
  readonly #namespace: DurableObjectNamespace<FilesObject>

  constructor(namespace: DurableObjectNamespace<FilesObject>) {
    this.#namespace = namespace
  }

  /** A fresh stub. */
  async of(tenantUid: TenantUid): Promise<FilesApi> {
    return this.#namespace.getByName(await filesObjectName(tenantUid))
  }

  /** The same object, as what it is to its sources. */
  async sourcesOf(tenantUid: TenantUid): Promise<SourcesApi> {
    return this.#namespace.getByName(await filesObjectName(tenantUid))
  }
}

/** Hex SHA-256 of `files/<uid>`. */
export const filesObjectName = async (tenantUid: TenantUid): Promise<string> =>
  hex(await sha256(utf8(`files/${tenantUid}`)))
