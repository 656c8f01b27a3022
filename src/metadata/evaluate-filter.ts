/**
 * What a filter means: MongoDB's semantics with type bracketing. A comparison holds if any value that the path leads to
 * satisfies it, arrays standing for each of their elements and for themselves; `$ne`, `$nin` and `$not` are true
 * negations, so they hold where the field is missing. `null` equals null and a missing field.
 */
import { compareUtf8 } from '../core/bytes.ts'
import { canonicalJson, type Json, type JsonObject } from '../core/canonical-json.ts'
import { unreachable } from '../core/invariant.ts'
import type { Comparison, Filter } from './filter.ts'
import { MetadataPath, type Reached } from './metadata-path.ts'

export interface FilteredDocument {
  readonly id: string
  readonly metadata: JsonObject
  /** Who may read it; absent: every reader. */
  readonly acl?: readonly string[] | undefined
}

export type DocumentPredicate = (document: FilteredDocument) => boolean

/** Tells whether one document matches. For many documents use `compileFilter`. */
export function matches(filter: Filter, document: FilteredDocument): boolean {
  return compileFilter(filter)(document)
}

/** Prepares a filter for many documents: constants are looked at once, long `$in` lists become sets. */
export function compileFilter(filter: Filter): DocumentPredicate {
  switch (filter.kind) {
    case 'and': {
      const children = filter.children.map(compileFilter)
      return (document) => children.every((child) => child(document))
    }
    case 'or': {
      const children = filter.children.map(compileFilter)
      return (document) => children.some((child) => child(document))
    }
    case 'not': {
      const child = compileFilter(filter.child)
      return (document) => !child(document)
    }
    case 'compare':
      return compileComparison(filter.path, filter.operator, filter.operand)
    case 'acl':
      return admits(filter.principals)
    default:
      return unreachable(filter)
  }
}

function admits(principals: readonly string[]): DocumentPredicate {
  const held = new Set(principals)
  return ({ acl }) => acl === undefined || acl.some((entry) => held.has(entry))
}

function compileComparison(path: readonly string[], operator: Comparison, operand: Json): DocumentPredicate {
  switch (operator) {
    case '$eq':
      return anyValue(path, equals([operand]))
    case '$ne':
      return negation(anyValue(path, equals([operand])))
    case '$in':
      return anyValue(path, equals(operand as Json[]))
    case '$nin':
      return negation(anyValue(path, equals(operand as Json[])))
    case '$gt':
      return anyValue(
        path,
        ordered(operand, (order) => order > 0),
      )
    case '$gte':
      return anyValue(
        path,
        ordered(operand, (order) => order >= 0),
      )
    case '$lt':
      return anyValue(
        path,
        ordered(operand, (order) => order < 0),
      )
    case '$lte':
      return anyValue(
        path,
        ordered(operand, (order) => order <= 0),
      )
    case '$exists': {
      const exists = anyValue(path, (value) => value !== undefined)
      return operand === true ? exists : negation(exists)
    }
    case '$contains':
      return anyReached(path, contains(operand))
    case '$prefix':
      return anyValue(path, (value) => typeof value === 'string' && value.startsWith(operand as string))
    default:
      return unreachable(operator)
  }
}

const negation =
  (predicate: DocumentPredicate): DocumentPredicate =>
  (document) =>
    !predicate(document)

/** Whether any value that the path leads to passes; an array counts as a whole. */
function anyReached(path: readonly string[], test: (value: Reached) => boolean): DocumentPredicate {
  if (path.length === 1 && path[0] === '$id') return ({ id }) => test(id)
  const compiled = new MetadataPath(path)
  return ({ metadata }) => {
    let isMet = false
    compiled.visit(metadata, (value) => {
      isMet ||= test(value)
    })
    return isMet
  }
}

/** As `anyReached`, and an array also counts as each of its elements. */
function anyValue(path: readonly string[], test: (value: Reached) => boolean): DocumentPredicate {
  return anyReached(path, (value) => test(value) || (Array.isArray(value) && value.some(test)))
}

/** Equality to any of the operands. Scalars are compared as they are; arrays and objects by content, whatever the order of keys. */
function equals(operands: readonly Json[]): (value: Reached) => boolean {
  const scalars = new Set<Reached>()
  const composites = new Set<string>()
  for (const operand of operands) {
    if (typeof operand === 'object' && operand !== null) composites.add(canonicalJson(operand))
    else scalars.add(operand)
  }
  if (scalars.has(null)) scalars.add(undefined)
  return (value) =>
    typeof value === 'object' && value !== null
      ? composites.size > 0 && composites.has(canonicalJson(value))
      : scalars.has(value)
}

/** Numbers are ordered among numbers and strings, by UTF-8 bytes, among strings; any other pair has no order. */
function ordered(operand: Json, holds: (order: number) => boolean): (value: Reached) => boolean {
  if (typeof operand === 'number') return (value) => typeof value === 'number' && holds(value - operand)
  if (typeof operand === 'string') return (value) => typeof value === 'string' && holds(compareUtf8(value, operand))
  return () => false
}

/** An array contains its elements, a string its parts. */
function contains(operand: Json): (value: Reached) => boolean {
  const isElement = equals([operand])
  return (value) => {
    if (Array.isArray(value)) return value.some(isElement)
    return typeof value === 'string' && typeof operand === 'string' && value.includes(operand)
  }
}
