/** Waits for a shard's answer; a collection deleted meanwhile is as absent as one deleted before. */
import { Problem, asProblem } from '../core/problem.ts'

/** @throws not_found instead of collection_gone, everything else as it comes */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    throw asProblem(error)?.code === 'collection_gone' ? new Problem('not_found') : error
  }
}
