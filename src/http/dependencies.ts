/** What the HTTP room is given by the composition root. It reads no environment and makes nothing of this itself. */
import type { Catalog } from '../catalog/catalog.ts'
import type { ModelNames } from '../catalog/model-names.ts'
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import type { FilesObjects } from '../files/files-objects.ts'
import type { OriginalStore } from '../files/original-store.ts'
import type { ModelRules } from '../models/configure-model.ts'
import type { Models } from '../models/models.ts'
import type { WordVectorWorkshop } from '../models/word-vector-models.ts'
import type { Placement } from '../shard/placement.ts'
import type { Authenticator } from '../tenancy/authenticate.ts'
import type { Sealer } from '../tenancy/sealing.ts'
import type { Signer } from '../tenancy/signing.ts'
import type { TenantObjects } from '../tenancy/tenant-objects.ts'
import type { AuditTrail } from './audit-trail.ts'
import type { LogLine } from './request-log.ts'

export interface AppDependencies {
  readonly authenticator: Authenticator
  readonly catalog: Catalog
  readonly placement: Placement
  readonly models: Models
  readonly wordVectors: WordVectorWorkshop
  readonly modelNames: ModelNames
  readonly modelRules: ModelRules
  readonly sealer: Sealer
  readonly signer: Signer
  readonly tenantObjects: TenantObjects
  readonly files: Pick<FilesObjects, 'of'>
  readonly sources: Pick<FilesObjects, 'sourcesOf'>
  readonly originals: OriginalStore
  /** Says, in the background, that a tenant has files to be read: a hint that may be lost. */
  readonly announceFiles?: (tenantUid: TenantUid) => void
  readonly auditTrail: AuditTrail
  /** Reads a file of `assets/` by its path there; `undefined` when there is none. */
  readonly readAsset: (path: string) => Promise<ArrayBuffer | undefined>
  readonly clock: Clock
  readonly log: (line: LogLine) => void
  /** Hears of failures in the background, which no request can report. */
  readonly report?: (what: string, error: unknown) => void
  readonly version: string
  /** A public key for the page at `/`, on local servers only. Public keys are public by nature. */
  readonly demo?: { readonly publicKey: string; readonly collection: string }
}
