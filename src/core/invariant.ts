/** Internal consistency checks. A broken invariant is a bug: it becomes a bare 500 and is logged with its stack. */

/** Throws when `condition` does not hold; `message` says what should have held. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${message}`)
}

/** Marks a branch that the types exclude. */
export function unreachable(value: never): never {
  throw new Error(`invariant: unreachable ${JSON.stringify(value)}`)
}
