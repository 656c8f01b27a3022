/** One concern of a tenant's object, over its SQLite: what it must do by itself, and when. */
export interface TenantPart {
  /** A run may take minutes. Where parts run side by side, none of these begins once the alarm has lasted for long. */
  readonly isLong?: true
  /** When `run` is due; `undefined` while there is nothing to do. */
  nextDueMs(): number | undefined
  /** Does what is due, or a part of it. What it throws is reported, and the part is tried again later. */
  run(nowMs: number): Promise<void>
}
