/** An audit log over `node:sqlite`, and a verifier that knows nothing of the one under test. */
import { createHash } from 'node:crypto'
import { applyMigrations } from '../../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../../src/shard/node-sql-database.ts'
import type { AuditEntry, AuditLine } from '../../../../src/tenancy/audit-line.ts'
import { AuditLog } from '../../../../src/tenancy/audit-log.ts'
import { Sealer } from '../../../../src/tenancy/sealing.ts'
import { Signer } from '../../../../src/tenancy/signing.ts'

export const CHAIN = 'c'.repeat(64)
export const NOW_MS = Date.UTC(2026, 0, 31, 12, 0, 5)

export interface Fixture {
  readonly database: NodeSqlDatabase
  readonly signer: Signer
  readonly log: AuditLog
}

export function makeLog(database = new NodeSqlDatabase(), pause = async (): Promise<void> => {}): Fixture {
  const signer = new Signer(new Sealer('5a'.repeat(32)))
  applyMigrations(database, AuditLog.migrations)
  return { database, signer, log: new AuditLog(database, { signer, chain: CHAIN, pause }) }
}

export const entry = (requestId: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  requestId,
  actor: { kind: 'secret', keyId: 'k'.repeat(16) },
  action: 'key.create',
  ...more,
})

/** Begins and ends `count` actions, one after another. */
export async function append(log: AuditLog, count: number, nowMs = NOW_MS): Promise<void> {
  for (let i = 0; i < count; i++) {
    const name = `req_${nowMs}_${i}`
    log.begin(entry(name, i % 2 === 0 ? { subject: { type: 'key', id: `id${i}` }, digest: 'd'.repeat(64) } : {}), nowMs)
    await log.end(name, { outcome: 'done' }, nowMs + i)
  }
}

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, member]) => [key, sorted(member)]),
      )
    : value

/** The hash of a line, as docs/audit.md tells outsiders to make it. */
export const hashOf = ({ previousHash, ...line }: Omit<AuditLine, 'hash'>): string =>
  createHash('sha256')
    .update(previousHash + JSON.stringify(sorted({ ...line, hash: undefined })))
    .digest('hex')

/** The first sequence that is wrong in a list of lines, oldest first, as docs/audit.md tells outsiders to find it. */
export function brokenAt(lines: readonly AuditLine[]): number | undefined {
  let previous = '0'.repeat(64)
  for (const [i, line] of lines.entries()) {
    if (line.sequence !== i + 1 || line.previousHash !== previous || line.hash !== hashOf(line)) return i + 1
    previous = line.hash
  }
  return undefined
}

/** All lines, oldest first. */
export const linesOf = (log: AuditLog): AuditLine[] => [...log.list({ limit: 10_000 }).lines].reverse()
