/**
 * Turns the untrusted JSON of a search into a `CheckedSearch`: every field checked, defaults filled in, the filter parsed.
 * All faults are listed at once. What only the collection can tell (dimensions) is checked in `search.ts`.
 */
import { canonicalJson } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { Faults, isJsonObject, pointerTo } from '../core/faults.ts'
import {
  MAX_EXPANDED_HITS,
  MAX_FACETS,
  MAX_FIELD_PATH_BYTES,
  MAX_FIELD_PATH_PARTS,
  MAX_HITS,
  MAX_QUERY_BYTES,
  PUBLIC_KEY_MAX_HITS,
} from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { DEFAULT_ALPHA, DEFAULT_RANK_CONSTANT, type Fusion, type SearchMode } from '../core/ranking.ts'
import type { Filter } from '../metadata/filter.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { isVectorName } from '../models/named-vectors.ts'
import { isRestricted } from '../tenancy/principal.ts'
import type { Expansion } from '../shard/chunk-context.ts'
import { isLanguageTag } from '../text/language.ts'
import { parseExpand } from './expand.ts'
import { parseQueryVector, type QueryVector } from './query-vector.ts'
import { parseRerank, type Rerank } from './parse-rerank.ts'

export interface CheckedSearch {
  readonly query: string | undefined
  readonly vector: QueryVector | undefined
  /** The named vector that the vector leg searches; the first of each collection by default. */
  readonly using: string | undefined
  readonly mode: SearchMode
  readonly limit: number
  readonly cursor: string | undefined
  readonly filter: Filter | undefined
  readonly facets: readonly string[]
  readonly fusion: Fusion
  readonly rerank: Rerank | undefined
  readonly byDocument: boolean
  readonly exact: boolean
  readonly minScore: number | undefined
  readonly highlight: boolean
  readonly explain: boolean
  /** Dotted metadata fields to return; `undefined`: all. */
  readonly fields: readonly string[] | undefined
  readonly feedback: boolean
  /** As declared; `undefined` leaves it to detection. */
  readonly language: string | undefined
  readonly expand: Expansion | undefined
  /** Canonical JSON of the body without `cursor` and `limit`: what a cursor is bound to. Pages may differ in size. */
  readonly identity: string
}

const KNOWN = new Set([
  'query',
  'vector',
  'using',
  'mode',
  'limit',
  'cursor',
  'filter',
  'facets',
  'fusion',
  'rerank',
  'groupBy',
  'exact',
  'minScore',
  'highlight',
  'explain',
  'fields',
  'feedback',
  'language',
  'expand',
])
const FUSION_FIELDS = new Set(['method', 'alpha', 'rankConstant'])

const DEFAULT_LIMIT = 10
/** A cursor that carries moved vectors of 4,096 dimensions stays well below this many characters. */
const MAX_CURSOR_LENGTH = 262_144
const MAX_FIELDS = 64

const MODES = ['hybrid', 'vector', 'keyword'] as const
const METHODS = ['convex', 'rrf'] as const

/**
 * Checks one search.
 * @throws forbidden where a public key or a token asks for what it may not see (before anything else is looked at), invalid_request
 */
export function parseSearchRequest(body: unknown, credential: { readonly kind: string }): CheckedSearch {
  const isPublic = credential.kind === 'public'
  const faults = new Faults()
  if (!isJsonObject(body)) {
    faults.add('', 'must be an object')
    faults.throwIfAny()
    throw new Problem('invalid_request')
  }
  refusePrivateFields(body, credential)
  faults.checkMembers(body, '', KNOWN)

  const checked: CheckedSearch = {
    query: queryOf(body['query'], faults),
    vector: body['vector'] === undefined ? undefined : parseQueryVector(body['vector'], '/vector', faults),
    using: usingOf(body['using'], faults),
    mode: oneOf(body['mode'], MODES, '/mode', faults) ?? 'hybrid',
    limit: numberIn(body['limit'], 1, isPublic ? PUBLIC_KEY_MAX_HITS : MAX_HITS, '/limit', faults) ?? DEFAULT_LIMIT,
    cursor: cursorOf(body['cursor'], faults),
    filter: body['filter'] === undefined ? undefined : faults.attempt(() => parseFilter(body['filter'], '/filter')),
    facets: paths(body['facets'], '/facets', MAX_FACETS, faults) ?? [],
    fusion: fusionOf(body['fusion'], faults),
    rerank: parseRerank(body['rerank'], faults),
    byDocument: oneOf(body['groupBy'], ['document'], '/groupBy', faults) === 'document',
    exact: flag(body['exact'], '/exact', faults) ?? false,
    minScore: finite(body['minScore'], '/minScore', faults),
    highlight: flag(body['highlight'], '/highlight', faults) ?? true,
    explain: flag(body['explain'], '/explain', faults) ?? false,
    fields: paths(body['fields'], '/fields', MAX_FIELDS, faults),
    feedback: flag(body['feedback'], '/feedback', faults) ?? false,
    language: languageOf(body['language'], faults),
    expand: parseExpand(body['expand'], faults),
    identity: '',
  }
  if (body['query'] === undefined && body['vector'] === undefined) {
    faults.add('/query', 'is required unless there is a vector')
  } else if (body['query'] === undefined && body['mode'] === 'keyword') {
    faults.add('/query', 'is required in keyword mode')
  }
  if (checked.expand !== undefined && checked.limit > MAX_EXPANDED_HITS) {
    faults.add('/limit', `must be at most ${MAX_EXPANDED_HITS} with expand`)
  }
  const { rerank } = checked
  if (rerank !== undefined) checkReranked(body, checked, rerank.depth, faults)
  faults.throwIfAny()
  const { cursor: _, limit: __, ...rest } = body
  // Nothing is beyond what was reordered, so a page without a limit is no longer than that.
  const limit = Math.min(checked.limit, rerank?.depth ?? checked.limit)
  return { ...checked, limit, identity: canonicalJson(rest) }
}

/** What a reranked search may not ask for. */
function checkReranked(
  body: Readonly<Record<string, unknown>>,
  { query, limit }: CheckedSearch,
  depth: number,
  faults: Faults,
): void {
  if (body['limit'] !== undefined && limit > depth) faults.add('/limit', 'must be at most the depth of rerank')
  if (body['cursor'] !== undefined) faults.add('/cursor', 'does not go with rerank, which has one page')
  if (query === undefined && body['vector'] !== undefined) faults.add('/query', 'is required with rerank')
}

/**
 * Refuses what shows raw scores, costs a whole scan or a model's call to credentials that lie open in a website. It looks at nothing else, so
 * that it can go before everything that is checked; `pointer` is where the search stands in the body.
 * @throws forbidden
 */
export function refusePrivateFields(search: unknown, credential: { readonly kind: string }, pointer = ''): void {
  if (!isRestricted(credential) || !isJsonObject(search)) return
  for (const name of ['explain', 'exact', 'vector', 'rerank']) {
    if (search[name] === undefined || search[name] === false) continue
    const detail = 'is refused for public keys and tokens'
    throw new Problem('forbidden', `${pointer}/${name} ${detail}`, {
      errors: [{ pointer: `${pointer}/${name}`, detail }],
    })
  }
}

function queryOf(value: unknown, faults: Faults): string | undefined {
  if (value === undefined) return undefined
  const query = faults.text(value, '/query')
  if (query === undefined) return undefined
  if (query.trim() === '') faults.add('/query', 'must not be empty')
  else if (utf8Length(query) > MAX_QUERY_BYTES) faults.add('/query', `must be at most ${MAX_QUERY_BYTES} bytes`)
  return query
}

function usingOf(value: unknown, faults: Faults): string | undefined {
  if (value === undefined || (typeof value === 'string' && isVectorName(value))) return value
  faults.add('/using', "must be a vector's name")
  return undefined
}

function cursorOf(value: unknown, faults: Faults): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value !== '' && value.length <= MAX_CURSOR_LENGTH) return value
  faults.add('/cursor', 'is not a cursor')
  return undefined
}

function fusionOf(value: unknown, faults: Faults): Fusion {
  const defaults: Fusion = { method: 'convex', alpha: DEFAULT_ALPHA, rankConstant: DEFAULT_RANK_CONSTANT }
  if (value === undefined) return defaults
  if (!isJsonObject(value)) {
    faults.add('/fusion', 'must be an object')
    return defaults
  }
  faults.checkMembers(value, '/fusion', FUSION_FIELDS)
  return {
    method: oneOf(value['method'], METHODS, '/fusion/method', faults) ?? defaults.method,
    alpha: finite(value['alpha'], '/fusion/alpha', faults, 0, 1) ?? defaults.alpha,
    rankConstant: finite(value['rankConstant'], '/fusion/rankConstant', faults, 1, 1e6) ?? defaults.rankConstant,
  }
}

function languageOf(value: unknown, faults: Faults): string | undefined {
  if (value === undefined || value === 'auto') return undefined
  if (typeof value === 'string' && isLanguageTag(value)) return value
  faults.add('/language', 'must be a BCP 47 language tag or auto')
  return undefined
}

function oneOf<T extends string>(
  value: unknown,
  choices: readonly T[],
  pointer: string,
  faults: Faults,
): T | undefined {
  if (value === undefined) return undefined
  const choice = choices.find((candidate) => candidate === value)
  if (choice === undefined) faults.add(pointer, `must be ${choices.join(' or ')}`)
  return choice
}

function flag(value: unknown, pointer: string, faults: Faults): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  faults.add(pointer, 'must be true or false')
  return undefined
}

function numberIn(value: unknown, least: number, most: number, pointer: string, faults: Faults): number | undefined {
  if (value === undefined) return undefined
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  faults.add(pointer, `must be an integer from ${least} to ${most}`)
  return undefined
}

function finite(
  value: unknown,
  pointer: string,
  faults: Faults,
  least = -Number.MAX_VALUE,
  most = Number.MAX_VALUE,
): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && value >= least && value <= most) return value
  faults.add(pointer, least === -Number.MAX_VALUE ? 'must be a number' : `must be a number from ${least} to ${most}`)
  return undefined
}

/** Reads dotted metadata paths, without repetitions. */
function paths(value: unknown, pointer: string, most: number, faults: Faults): string[] | undefined {
  if (value === undefined) return undefined
  if (!Array.isArray(value) || value.length > most) {
    faults.add(pointer, `must be an array of at most ${most} fields`)
    return undefined
  }
  const kept = new Set<string>()
  for (const [index, item] of value.entries()) {
    const at = pointerTo(pointer, index)
    const path = faults.text(item, at)
    if (path === undefined) continue
    const parts = path.split('.')
    if (path.startsWith('$') || parts.includes('')) faults.add(at, 'must be a metadata field')
    else if (parts.length > MAX_FIELD_PATH_PARTS) faults.add(at, `must have at most ${MAX_FIELD_PATH_PARTS} parts`)
    else if (utf8Length(path) > MAX_FIELD_PATH_BYTES) faults.add(at, `must be at most ${MAX_FIELD_PATH_BYTES} bytes`)
    else kept.add(path)
  }
  return [...kept]
}
