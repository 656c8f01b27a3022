/**
 * The chain: how a line is hashed, and how stored lines are judged. Each line's hash covers the hash before it, so that
 * no line can be changed, removed, added or moved without every later hash being another.
 */
import { hex, sha256, utf8 } from '../../core/bytes.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import type { AuditHead, AuditLine } from '../audit-line.ts'

/** Before the first line. */
export const BEGINNING: AuditHead = { sequence: 0, hash: '0'.repeat(64) }

/** What a line says, before it has its place in the chain. */
export type Statement = Omit<AuditLine, 'sequence' | 'previousHash' | 'hash'>

export type Unhashed = Omit<AuditLine, 'hash'>

export async function lineHash({ previousHash, ...rest }: Unhashed): Promise<string> {
  return hex(await sha256(utf8(previousHash + canonicalJson(rest))))
}

/** The line that stands after `head`. */
export async function chained(statement: Statement, head: AuditHead): Promise<AuditLine> {
  const line = { ...statement, sequence: head.sequence + 1, previousHash: head.hash }
  return { ...line, hash: await lineHash(line) }
}

/** Follows stored lines, in the order of their sequences, from `head` on: to the last, or to the sequence that is wrong. */
export async function follow(
  lines: readonly AuditLine[],
  head: AuditHead,
): Promise<{ readonly head: AuditHead } | { readonly broken: number }> {
  const intact = await Promise.all(lines.map(async ({ hash, ...line }) => (await lineHash(line)) === hash))
  let { sequence, hash } = head
  for (const [i, line] of lines.entries()) {
    sequence++
    if (line.sequence !== sequence || line.previousHash !== hash || intact[i] === false) return { broken: sequence }
    hash = line.hash
  }
  return { head: { sequence, hash } }
}
