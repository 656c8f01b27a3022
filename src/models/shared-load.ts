/**
 * One load at a time for each key, shared by all requests that want it. The platform drops a request's I/O when its client
 * goes away, and then the promise of a load that it began never settles: whoever waited too long loads for itself.
 */

const PATIENCE_MS = 2_000

export class SharedLoads<T> {
  readonly #pending = new Map<string, Promise<T>>()
  readonly #patienceMs: number

  /** Shorter in tests. */
  constructor(patienceMs: number = PATIENCE_MS) {
    this.#patienceMs = patienceMs
  }

  /** What is `resident`, or what `load` gives; a failure fails every request that waits for it. */
  async get(key: string, resident: () => T | undefined, load: () => Promise<T>): Promise<T> {
    const found = resident()
    if (found !== undefined) return found
    const others = this.#pending.get(key)
    if (others !== undefined) {
      const loaded = await withPatience(others, this.#patienceMs)
      if (loaded !== undefined) return loaded.value
      // It hangs. The first to notice drops it; the rest share the load that follows.
      if (this.#pending.get(key) === others) this.#pending.delete(key)
      return this.get(key, resident, load)
    }
    const own = load()
    this.#pending.set(key, own)
    try {
      return await own
    } finally {
      if (this.#pending.get(key) === own) this.#pending.delete(key)
    }
  }
}

/** Waits for `promise`, but no longer than `patienceMs`. */
async function withPatience<T>(promise: Promise<T>, patienceMs: number): Promise<{ readonly value: T } | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patienceMs)
  })
  try {
    return await Promise.race([promise.then((value) => ({ value })), timeout])
  } finally {
    clearTimeout(timer)
  }
}
