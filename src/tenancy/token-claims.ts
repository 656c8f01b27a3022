/**
 * What a token says: its claims, and the checks that a token from outside and a request for a new one share. Nothing but
 * the claims listed here is accepted, so that a misspelt restriction is an error and not a wider token.
 */
import type { JsonObject } from '../core/canonical-json.ts'
import { utf8Length } from '../core/bytes.ts'
import { Faults, isJsonObject, pointerTo } from '../core/faults.ts'
import { MAX_KEY_LIST_ENTRIES, MAX_PRINCIPAL_BYTES, MAX_PRINCIPALS } from '../core/limits.ts'
import { parseFilter } from '../metadata/parse-filter.ts'
import { originFault } from './origins.ts'
import { isCollectionPattern } from './principal.ts'

export const TOKEN_SCOPES = ['search', 'answer', 'documents:read', 'documents:write'] as const

export type TokenScope = (typeof TOKEN_SCOPES)[number]

/** What a token allows, as its maker asks for it. Whatever it says, the rights of its key bound it. */
export interface TokenRights {
  readonly scopes: readonly TokenScope[]
  /** Collection names, `prefix*` or ids; absent: every collection that the key reaches. */
  readonly collections?: readonly string[]
  /** As it was sent; `parseFilter` accepted it. */
  readonly filter?: JsonObject
  /** Entries of documents' `acl` that let the bearer in; absent: none. */
  readonly principals?: readonly string[]
  /** Who bears it, in the words of its maker. */
  readonly sub?: string
  /** Web origins that may use it; absent: any. */
  readonly origins?: readonly string[]
}

/** Times are whole seconds since 1970. */
export interface TokenClaims extends TokenRights {
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  readonly jti?: string
}

const TIMES = ['iat', 'exp', 'nbf'] as const
export const RIGHTS: ReadonlySet<string> = new Set([
  'scopes',
  'collections',
  'filter',
  'principals',
  'sub',
  'origins',
] satisfies (keyof TokenRights)[])
const CLAIMS: ReadonlySet<string> = new Set([...RIGHTS, ...TIMES, 'jti'])

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/

/** Reads the claims of a token; `undefined` for anything but exactly them. Never throws. */
export function readClaims(value: unknown): TokenClaims | undefined {
  if (!isJsonObject(value)) return undefined
  const faults = new Faults()
  faults.checkMembers(value, '', CLAIMS)
  checkRights(value, faults)
  for (const name of TIMES) {
    const isRequired = name !== 'nbf'
    if ((isRequired || Object.hasOwn(value, name)) && !isSeconds(value[name])) faults.add(`/${name}`, 'must be a time')
  }
  if (Object.hasOwn(value, 'jti')) checkName(value['jti'], '/jti', faults)
  return faults.isEmpty ? (value as unknown as TokenClaims) : undefined
}

/** Notes what is wrong with the members that `TokenRights` lists; others are not looked at. */
export function checkRights(value: Readonly<Record<string, unknown>>, faults: Faults): void {
  const { scopes, collections, filter, principals, sub, origins } = value
  checkList(scopes, '/scopes', { least: 1, most: TOKEN_SCOPES.length, check: scopeFault }, faults)
  if (collections !== undefined) checkList(collections, '/collections', { ...KEY_LIST, check: collectionFault }, faults)
  if (origins !== undefined) checkList(origins, '/origins', { ...KEY_LIST, check: originFault }, faults)
  if (principals !== undefined) {
    checkList(principals, '/principals', { least: 0, most: MAX_PRINCIPALS, check: nameFault }, faults)
  }
  if (sub !== undefined) checkName(sub, '/sub', faults)
  if (filter !== undefined) faults.attempt(() => parseFilter(filter, '/filter'))
}

const KEY_LIST = { least: 1, most: MAX_KEY_LIST_ENTRIES }

interface ListRule {
  readonly least: number
  readonly most: number
  readonly check: (entry: string) => string | undefined
}

function checkList(value: unknown, pointer: string, { least, most, check }: ListRule, faults: Faults): void {
  if (!Array.isArray(value) || value.length < least || value.length > most) {
    faults.add(pointer, `must be an array of ${least} to ${most} strings`)
    return
  }
  for (const [index, entry] of value.entries()) {
    const at = pointerTo(pointer, index)
    const text = faults.text(entry, at)
    if (text === undefined) continue
    const fault = value.indexOf(text) === index ? check(text) : 'is named twice'
    if (fault !== undefined) faults.add(at, fault)
  }
}

function checkName(value: unknown, pointer: string, faults: Faults): void {
  const text = faults.text(value, pointer)
  const fault = text === undefined ? undefined : nameFault(text)
  if (fault !== undefined) faults.add(pointer, fault)
}

const scopeFault = (scope: string): string | undefined =>
  (TOKEN_SCOPES as readonly string[]).includes(scope) ? undefined : `must be one of ${TOKEN_SCOPES.join(', ')}`

const collectionFault = (pattern: string): string | undefined =>
  isCollectionPattern(pattern) ? undefined : 'must be a collection name, an id col_… or a prefix ending in *'

function nameFault(text: string): string | undefined {
  if (text === '' || utf8Length(text) > MAX_PRINCIPAL_BYTES) return `must be 1 to ${MAX_PRINCIPAL_BYTES} bytes`
  return CONTROL_CHARACTER.test(text) ? 'must not contain control characters' : undefined
}

const isSeconds = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0
