/** Where the vector leg's query vectors come from: the request, or the model of each space that is searched. */
import { asProblem, invalidField } from '../core/problem.ts'
import type { Embedder } from '../models/embedder.ts'
import type { EmbeddingModel, ModelCaller } from '../models/model.ts'
import { isModelFault } from '../models/model-fault.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import type { CheckedSearch } from './parse-search-request.ts'
import { hasSpace, type Unit } from './scatter.ts'

export interface QueryVectors {
  readonly vectors: { readonly [space: string]: Float32Array }
  /** Spaces whose model could not embed the query; the search goes on without them. */
  readonly degraded: readonly string[]
}

/** Whether callers bring the vectors of this collection, so that no query can be embedded for it. */
export const bringsVectors = ({ profile }: Unit): boolean => profile.id === 'bring-your-own'

/**
 * Checks what only the collections can tell about the vector leg.
 * @throws dimension_mismatch, invalid_request
 */
export function checkVectorLeg(search: CheckedSearch, units: readonly Unit[]): void {
  const { mode, vector, using, feedback } = search
  for (const { collection, leg } of units) {
    if (using === undefined || leg?.name === using) continue
    const names = namedVectorsOf(collection.generation.model)?.map(({ name }) => name)
    const fault =
      names === undefined ? 'is refused: the collection has no named vectors' : `must be ${names.join(' or ')}`
    throw invalidField('/using', fault)
  }
  if (mode === 'keyword') return
  for (const unit of units) {
    const { leg, profile } = unit
    const dimensions = leg?.dimensions ?? profile.dimensions
    const isMulti = leg?.multi === true
    if (vector?.rows !== undefined && !isMulti) throw invalidField('/vector', 'must be an array of numbers')
    if (vector !== undefined && vector.values.length !== dimensions * (vector.rows ?? 1)) {
      const fault = `must have ${dimensions} numbers${isMulti ? ' in each row' : ''}`
      throw invalidField('/vector', fault, 'dimension_mismatch')
    }
    // There is no one direction to move in.
    if (feedback && isMulti) throw invalidField('/feedback', 'does not go with a multi-vector')
    if (vector === undefined && mode === 'vector' && bringsVectors(unit)) {
      throw invalidField('/vector', 'is required: the collection holds vectors that callers bring')
    }
  }
}

/**
 * One query vector a space. In hybrid mode a model that is down only takes its leg away; in vector mode nothing would be
 * left, so its problem is thrown. `withoutVectors` takes the leg away from the start.
 */
export async function queryVectors(
  search: CheckedSearch,
  units: readonly Unit[],
  embedderOf: (model: EmbeddingModel, caller: ModelCaller) => Embedder,
  withoutVectors: boolean,
): Promise<QueryVectors> {
  const { mode, vector, query } = search
  if (mode === 'keyword') return { vectors: {}, degraded: [] }
  const spaces = new Map(units.filter(hasSpace).map((unit) => [unit.space, unit]))
  if (withoutVectors) return { vectors: {}, degraded: [...spaces.keys()] }
  const vectors: Record<string, Float32Array> = {}
  const degraded: string[] = []
  await Promise.all(
    [...spaces].map(async ([space, unit]) => {
      if (vector !== undefined) vectors[space] = vector.values
      if (vector !== undefined || query === undefined || bringsVectors(unit)) return
      try {
        const { tenantUid, generation } = unit.collection
        const [embedded] = await embedderOf(generation.model, { tenantUid }).embed([query], { kind: 'query' })
        if (embedded !== undefined) vectors[space] = embedded
      } catch (error) {
        const problem = asProblem(error)
        if (mode === 'vector' || problem === undefined || !isModelFault(problem)) throw error
        degraded.push(space)
      }
    }),
  )
  return { vectors, degraded }
}
