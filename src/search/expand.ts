/** Which neighbours of a hit come with it, as the caller asks. */
import { isJsonObject, type Faults } from '../core/faults.ts'
import { MAX_EXPANSION } from '../core/limits.ts'
import type { Expansion } from '../shard/chunk-context.ts'

const FIELDS = new Set(['before', 'after'])

/** Checks `expand`: `"section"`, or how many chunks before and after; `undefined` where nothing is to be added. */
export function parseExpand(value: unknown, faults: Faults): Expansion | undefined {
  if (value === undefined) return undefined
  if (value === 'section') return value
  if (!isJsonObject(value)) {
    faults.add('/expand', "must be 'section' or an object")
    return undefined
  }
  faults.checkMembers(value, '/expand', FIELDS)
  const countOf = (field: 'before' | 'after'): number => {
    const count = value[field] ?? 0
    if (Number.isInteger(count) && (count as number) >= 0 && (count as number) <= MAX_EXPANSION) return count as number
    faults.add(`/expand/${field}`, `must be an integer from 0 to ${MAX_EXPANSION}`)
    return 0
  }
  return { before: countOf('before'), after: countOf('after') }
}
