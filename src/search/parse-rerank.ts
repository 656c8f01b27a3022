/** Which model reorders the first hits of a search, and how many of them, as the caller asks. */
import { isJsonObject, type Faults } from '../core/faults.ts'
import { MAX_PROVIDER_NAME_LENGTH, MAX_RERANK_DEPTH } from '../core/limits.ts'

export interface Rerank {
  readonly model: string
  /** How many of the fused ranking's first are reordered; no hit comes from beyond them. */
  readonly depth: number
}

export const DEFAULT_RERANK_DEPTH = 50

const FIELDS = new Set(['model', 'depth'])

/** Checks `rerank`; `undefined` where there is none. */
export function parseRerank(value: unknown, faults: Faults): Rerank | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) {
    faults.add('/rerank', 'must be an object')
    return undefined
  }
  faults.checkMembers(value, '/rerank', FIELDS)
  const { model, depth = DEFAULT_RERANK_DEPTH } = value
  const name = model === undefined ? undefined : faults.text(model, '/rerank/model')
  if (model === undefined) faults.add('/rerank/model', 'is required')
  else if (name === '' || (name !== undefined && name.length > MAX_PROVIDER_NAME_LENGTH)) {
    faults.add('/rerank/model', `must have 1 to ${MAX_PROVIDER_NAME_LENGTH} characters`)
  }
  const isDepth = Number.isInteger(depth) && (depth as number) >= 1 && (depth as number) <= MAX_RERANK_DEPTH
  if (!isDepth) faults.add('/rerank/depth', `must be an integer from 1 to ${MAX_RERANK_DEPTH}`)
  return { model: name ?? '', depth: isDepth ? (depth as number) : DEFAULT_RERANK_DEPTH }
}
