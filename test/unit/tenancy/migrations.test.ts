/** A tenant's object that the release before this one filled, opened by this one. */
import { describe, expect, it } from 'vitest'
import type { TenantUid } from '../../../src/core/ids.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { AuditLog } from '../../../src/tenancy/audit-log.ts'
import { TENANT_MIGRATIONS } from '../../../src/tenancy/migrations.ts'
import { PlannedDeletions } from '../../../src/tenancy/planned-deletions.ts'
import { ReplayStore } from '../../../src/tenancy/replay-store.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { Signer } from '../../../src/tenancy/signing.ts'

const UID = 'ten_0123456789abcdef' as TenantUid
const LOOKUP = '0'.repeat(64)
const PRINT = '1'.repeat(64)
/** The last step of the release before tenancy. */
const FORMER = 'tenancy/2 planned deletions'

const deletions = (database: NodeSqlDatabase): PlannedDeletions =>
  new PlannedDeletions(database, { clock: () => 0, finish: async () => 'done' })

describe("a tenant's object of the earlier release", () => {
  it('keeps its answers and its planned deletions, and begins to count and to log', async () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, TENANT_MIGRATIONS, FORMER)
    const former = new ReplayStore(database)
    const begun = former.begin(LOOKUP, PRINT, 0)
    if (begun.kind !== 'run') throw new Error(begun.kind)
    const answer = { status: 201, pieces: [Uint8Array.of(1, 2)] }
    expect(former.finish(LOOKUP, begun.lease, answer, 0)).toBe(true)
    deletions(database).plan(UID, 'col_a', 5)

    applyMigrations(database, TENANT_MIGRATIONS)
    expect(new ReplayStore(database).begin(LOOKUP, PRINT, 1)).toEqual({ kind: 'replay', ...answer })
    expect(deletions(database).due(60_005)).toBe(UID)
    expect(database.all('SELECT shard FROM ledger_shards')).toEqual([])
    const audit = new AuditLog(database, { signer: new Signer(new Sealer('ab'.repeat(32))), chain: 'c' })
    expect(await audit.verify()).toMatchObject({ valid: true, entries: 0 })
    expect(database.all('SELECT after FROM first_count')).toEqual([{ after: '' }])
  })
})
