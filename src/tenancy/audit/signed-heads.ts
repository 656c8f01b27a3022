/** Signed heads: what the chain was at a time, in a form that an outsider can keep and hold against it later. */
import { rfc3339 } from '../../core/clock.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import { AUDIT_HEAD_TYPE } from '../audit-line.ts'
import type { Signer } from '../signing.ts'
import type { Lines } from './lines.ts'

const HOUR_MS = 3_600_000
/** Lines seldom come alone. */
const SETTLING_MS = 60_000

interface HeadRow {
  sequence: number
  at: string
  jws: string
}

export class SignedHeads {
  readonly #database: SqlDatabase
  readonly #lines: Lines
  readonly #signer: Signer
  readonly #chain: string

  constructor(database: SqlDatabase, lines: Lines, { signer, chain }: { signer: Signer; chain: string }) {
    this.#database = database
    this.#lines = lines
    this.#signer = signer
    this.#chain = chain
  }

  /** At most one an hour, and a minute after the line that made it due; `undefined` while every line is covered. */
  nextDueMs(): number | undefined {
    const { sequence, at } = this.#lines.head()
    const last = this.latest()
    const covered = last?.sequence ?? 0
    if (covered >= sequence) return undefined
    const settledMs = Date.parse(this.#lines.find(covered + 1)?.at ?? at) + SETTLING_MS
    return last === undefined ? settledMs : Math.max(Date.parse(last.at) + HOUR_MS, settledMs)
  }

  async sign(nowMs: number): Promise<void> {
    const { sequence, hash } = this.#lines.head()
    const at = rfc3339(nowMs)
    const jws = await this.#signer.sign({ chain: this.#chain, sequence, hash, at }, AUDIT_HEAD_TYPE)
    this.#database.run('INSERT OR REPLACE INTO audit_heads (sequence, at, jws) VALUES (?, ?, ?)', sequence, at, jws)
  }

  latest(): HeadRow | undefined {
    return this.#database.get<HeadRow>('SELECT sequence, at, jws FROM audit_heads ORDER BY sequence DESC LIMIT 1')
  }

  after(sequence: number, limit: number): HeadRow[] {
    return this.#database.all<HeadRow>(
      'SELECT sequence, at, jws FROM audit_heads WHERE sequence > ? ORDER BY sequence LIMIT ?',
      sequence,
      limit,
    )
  }

  /** `genuine`: signed for this chain and place; `fits`: and the line there is still the one that was signed. */
  async judge({ sequence, jws }: HeadRow): Promise<{ genuine: boolean; fits: boolean }> {
    const payload = await this.#signer.verify(jws, AUDIT_HEAD_TYPE)
    const genuine = payload?.['chain'] === this.#chain && payload['sequence'] === sequence
    return { genuine, fits: genuine && payload['hash'] === this.#lines.find(sequence)?.hash }
  }
}
