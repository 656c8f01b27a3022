/** Lines as rows of `audit_lines`, one column for each member, so that nothing is stored that the hash does not cover. */
import type { AuditLine } from '../audit-line.ts'

export const LINE_COLUMNS =
  'sequence, at, actor_kind, key_id, action, subject_type, subject_id, outcome, code, reason, request_id, digest, count, previous_hash, hash'

export interface LineRow {
  sequence: number
  at: string
  actor_kind: AuditLine['actor']['kind']
  key_id: string
  action: string
  subject_type: string | null
  subject_id: string | null
  outcome: AuditLine['outcome']
  code: string | null
  reason: string | null
  request_id: string | null
  digest: string | null
  count: number | null
  previous_hash: string
  hash: string
}

/** In the order of `LINE_COLUMNS`. */
export const lineValues = (line: AuditLine): (string | number | null)[] => [
  line.sequence,
  line.at,
  line.actor.kind,
  line.actor.keyId,
  line.action,
  line.subject?.type ?? null,
  line.subject?.id ?? null,
  line.outcome,
  line.code ?? null,
  line.reason ?? null,
  line.requestId ?? null,
  line.digest ?? null,
  line.count ?? null,
  line.previousHash,
  line.hash,
]

/** Only `NULL` is absent: whatever else stands in a column comes back, so that its hash tells of it. */
export function lineOf(row: LineRow): AuditLine {
  const { subject_type, subject_id } = row
  const line = {
    sequence: row.sequence,
    at: row.at,
    actor: { kind: row.actor_kind, keyId: row.key_id },
    action: row.action,
    subject: subject_type === null && subject_id === null ? null : { type: subject_type, id: subject_id },
    outcome: row.outcome,
    code: row.code,
    reason: row.reason,
    requestId: row.request_id,
    digest: row.digest,
    count: row.count,
    previousHash: row.previous_hash,
    hash: row.hash,
  }
  return Object.fromEntries(Object.entries(line).filter(([, value]) => value !== null)) as unknown as AuditLine
}
