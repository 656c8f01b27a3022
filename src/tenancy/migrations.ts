/** The whole schema of a tenant's object: the histories of its parts. */
import type { SqlMigration } from '../core/sql-database.ts'
import { AuditLog } from './audit-log.ts'
import { ErasureRecords } from './erasure-record.ts'
import { FirstCount } from './first-count.ts'
import { Ledger } from './ledger.ts'
import { PlannedDeletions } from './planned-deletions.ts'
import { PlannedRevocations } from './planned-revocations.ts'
import { ReplayStore } from './replay-store.ts'
import { Webhooks } from './webhooks.ts'

export const TENANT_MIGRATIONS: readonly SqlMigration[] = [
  ...ReplayStore.migrations,
  ...PlannedDeletions.migrations,
  ...Ledger.migrations,
  ...AuditLog.migrations,
  ...Webhooks.migrations,
  ...ErasureRecords.migrations,
  ...FirstCount.migrations,
  ...PlannedRevocations.migrations,
  ...ErasureRecords.laterMigrations,
  ...Ledger.laterMigrations,
]
