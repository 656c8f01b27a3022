/** How nested transactions join the outer one, the same for every adapter of the SQL port. */
import { checkSynchronous } from './sql-limits.ts'

/**
 * Counts the nesting. Only the outermost call opens a transaction. If an inner call throws, the whole is lost even where
 * the caller catches the error: half of a joined transaction must never be committed.
 */
export class TransactionScope {
  #isOpen = false
  #failure: { readonly error: unknown } | undefined

  /** `open` runs its argument inside a real transaction, commits when it returns and rolls back when it throws. */
  run<T>(work: () => T, open: (work: () => T) => T): T {
    if (this.#isOpen) {
      try {
        return this.#synchronously(work)
      } catch (error) {
        this.#failure ??= { error }
        throw error
      }
    }
    this.#isOpen = true
    this.#failure = undefined
    try {
      return open(() => {
        const result = this.#synchronously(work)
        if (this.#failure !== undefined) throw this.#failure.error
        return result
      })
    } finally {
      this.#isOpen = false
    }
  }

  #synchronously<T>(work: () => T): T {
    const result = work()
    checkSynchronous(result)
    return result
  }
}
