/** Several calls of one endpoint on behalf of one request: a few at once, and none more after the first that fails. */
import { type CallLimits, eitherOf } from './endpoint.ts'

/** Calls of one request under way: the platform gives a request 6 connections, and others need some. */
const CONCURRENT_CALLS = 4

/** Works on all items; `limits` of the work end with the first failure. @throws what the first failure threw */
export async function callForEach<T>(
  items: readonly T[],
  limits: CallLimits,
  work: (item: T, limits: CallLimits, position: number) => Promise<void>,
): Promise<void> {
  const failure = new AbortController()
  const stopping = { ...limits, caller: eitherOf(failure.signal, limits.caller) }
  const waiting = items.entries()
  const worker = async (): Promise<void> => {
    for (const [position, item] of waiting) {
      if (failure.signal.aborted) return
      try {
        await work(item, stopping, position)
      } catch (error) {
        failure.abort(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_CALLS, items.length) }, worker))
  failure.signal.throwIfAborted()
}
