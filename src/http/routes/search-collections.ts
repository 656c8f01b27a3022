/** `POST /v1/search`: several collections at once. */
import { Faults, isJsonObject, pointerTo } from '../../core/faults.ts'
import { MAX_COLLECTIONS_PER_SEARCH } from '../../core/limits.ts'
import { invariant } from '../../core/invariant.ts'
import { asProblem, invalidField } from '../../core/problem.ts'
import { search } from '../../search/search.ts'
import type { SearchRequest } from '../../search/search-request.ts'
import { parseSearchRequest, refusePrivateFields } from '../../search/parse-search-request.ts'
import type { Principal } from '../../tenancy/principal.ts'
import { findCollection } from '../find-collection.ts'
import { searchCollectionsSchema, searchResultSchema } from '../schemas/search.ts'
import { defineRoute } from '../route.ts'
import { recordSearch } from '../timings.ts'

interface SearchCollectionsRequest {
  readonly collections: readonly string[]
  readonly request: SearchRequest
}

function parse(value: unknown, principal: Principal): SearchCollectionsRequest {
  if (!isJsonObject(value)) throw invalidField('', 'must be an object')
  const { collections, ...request } = value
  const faults = new Faults()
  const names = collectionNames(collections, faults)
  try {
    parseSearchRequest(request, principal)
  } catch (error) {
    const problem = asProblem(error)
    // What the credential may not ask for is told before what is wrong with anything.
    if (problem?.errors === undefined || problem.code === 'forbidden') throw error
    for (const { pointer, detail } of problem.errors) faults.add(pointer, detail, problem.code)
  }
  faults.throwIfAny()
  return { collections: names, request }
}

function collectionNames(value: unknown, faults: Faults): string[] {
  const names = new Set<string>()
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_COLLECTIONS_PER_SEARCH) {
    faults.add(
      '/collections',
      value === undefined ? 'is required' : `must be an array of 1 to ${MAX_COLLECTIONS_PER_SEARCH} names or ids`,
    )
    return []
  }
  for (const [index, item] of value.entries()) {
    const at = pointerTo('/collections', index)
    const name = faults.text(item, at)
    if (name === undefined) continue
    if (names.has(name)) faults.add(at, 'is named twice')
    names.add(name)
  }
  return [...names]
}

export const searchCollections = defineRoute({
  method: 'post',
  path: '/v1/search',
  operationId: 'searchCollections',
  tag: 'search',
  summary: 'Search several collections',
  callsModels: true,
  isRead: true,
  namesCollections: true,
  description:
    'Every collection must exist and be in reach, else the answer is 404. It is one search, counted for the first collection.',
  access: { kind: 'key', anyOf: ['search'] },
  refusals: [410],
  forbid: ({ body }, principal) => refusePrivateFields(body, principal),
  body: {
    schema: searchCollectionsSchema,
    parse,
    example: { collections: ['handbook', 'tickets'], query: 'refund after cancellation' },
  },
  responses: { 200: { description: 'The hits of all collections, best first.', schema: searchResultSchema } },
  async handle({ body, charge, principal, timings }, dependencies) {
    const collections = await Promise.all(
      body.collections.map((name) => findCollection(dependencies.catalog, principal, name)),
    )
    const distinct = [...new Map(collections.map((collection) => [collection.id, collection])).values()]
    const [first] = distinct
    invariant(first !== undefined, 'a search names a collection')
    await charge.judge()
    const { timings: stages, ...result } = await charge.read('searches', first.id, (limits) =>
      search(dependencies, distinct, principal, body.request, { ...limits, acrossCollections: true }),
    )
    recordSearch(timings, stages)
    return { status: 200, body: result }
  },
})
