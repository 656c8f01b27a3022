/** From the JSON of a request, a key or a token to a filter tree. Whatever is wrong is named by its JSON Pointer. */
import { utf8Length } from '../core/bytes.ts'
import type { Json } from '../core/canonical-json.ts'
import { MAX_FIELD_PATH_BYTES, MAX_FIELD_PATH_PARTS, MAX_FILTER_CLAUSES, MAX_FILTER_DEPTH } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import type { Comparison, Filter } from './filter.ts'

/** Nesting of arrays and objects in a value to compare with. */
const MAX_OPERAND_DEPTH = 32

type JsonMembers = { readonly [key: string]: unknown }

const isMembers = (value: unknown): value is JsonMembers =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const step = (pointer: string, part: string | number): string =>
  `${pointer}/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`

/** What each operator accepts beside it, and how that is said to the caller. */
const OPERANDS: Record<Comparison, { readonly accepts: (operand: unknown) => boolean; readonly detail: string }> = {
  $eq: { accepts: () => true, detail: '' },
  $ne: { accepts: () => true, detail: '' },
  $in: { accepts: Array.isArray, detail: 'must be an array' },
  $nin: { accepts: Array.isArray, detail: 'must be an array' },
  $gt: { accepts: isOrdered, detail: 'must be a number or a string' },
  $gte: { accepts: isOrdered, detail: 'must be a number or a string' },
  $lt: { accepts: isOrdered, detail: 'must be a number or a string' },
  $lte: { accepts: isOrdered, detail: 'must be a number or a string' },
  $exists: { accepts: (operand) => typeof operand === 'boolean', detail: 'must be true or false' },
  $contains: { accepts: () => true, detail: '' },
  $prefix: { accepts: (operand) => typeof operand === 'string', detail: 'must be a string' },
}

function isOrdered(operand: unknown): boolean {
  return typeof operand === 'number' || typeof operand === 'string'
}

const isComparison = (name: string): name is Comparison => Object.hasOwn(OPERANDS, name)

/**
 * Parses a filter. `json` is a value that `JSON.parse` gave; `pointer` is where it stands in the request.
 * @throws invalid_request naming the first fault, such as `/filter/day/$near`
 */
export function parseFilter(json: unknown, pointer = '/filter'): Filter {
  return new FilterParser().parse(json, pointer, 1)
}

/** Holds what is counted over the whole filter. Depth is the nesting of filters in `$and`, `$or` and `$not`. */
class FilterParser {
  #clauses = 0

  parse(json: unknown, pointer: string, depth: number): Filter {
    if (!isMembers(json)) throw invalidField(pointer, 'must be an object')
    if (depth > MAX_FILTER_DEPTH) throw invalidField(pointer, `must not be nested deeper than ${MAX_FILTER_DEPTH}`)
    const members = Object.entries(json)
    if (members.length === 0) this.#count(pointer)
    return conjunction(members.map(([name, value]) => this.#member(name, value, step(pointer, name), depth)))
  }

  #member(name: string, value: unknown, pointer: string, depth: number): Filter {
    if (name === '$and' || name === '$or') {
      if (!Array.isArray(value) || value.length === 0) throw invalidField(pointer, 'must be a non-empty array')
      const children = value.map((child, index) => this.parse(child, step(pointer, index), depth + 1))
      return { kind: name === '$and' ? 'and' : 'or', children }
    }
    if (name === '$not') return { kind: 'not', child: this.parse(value, pointer, depth + 1) }
    return this.#field(parsePath(name, pointer), value, pointer, depth)
  }

  /** A bare value is `$eq`; an object with operators is their conjunction; any other object is compared whole. */
  #field(path: readonly string[], value: unknown, pointer: string, depth: number): Filter {
    if (!isMembers(value) || !Object.keys(value).some((name) => name.startsWith('$'))) {
      return this.#compare(path, '$eq', value, pointer)
    }
    return conjunction(
      Object.entries(value).map(([name, operand]) => {
        const at = step(pointer, name)
        if (name === '$not') return { kind: 'not', child: this.#negated(path, operand, at, depth + 1) }
        if (!isComparison(name)) throw invalidField(at, 'is not a known operator')
        return this.#compare(path, name, operand, at)
      }),
    )
  }

  /** The operand of a field's `$not` is an object of operators, as in MongoDB. */
  #negated(path: readonly string[], operand: unknown, pointer: string, depth: number): Filter {
    if (!isMembers(operand) || Object.keys(operand).length === 0) {
      throw invalidField(pointer, 'must be an object of operators')
    }
    if (depth > MAX_FILTER_DEPTH) throw invalidField(pointer, `must not be nested deeper than ${MAX_FILTER_DEPTH}`)
    const stranger = Object.keys(operand).find((name) => !name.startsWith('$'))
    if (stranger !== undefined) throw invalidField(step(pointer, stranger), 'is not a known operator')
    return this.#field(path, operand, pointer, depth)
  }

  #compare(path: readonly string[], operator: Comparison, operand: unknown, pointer: string): Filter {
    this.#count(pointer)
    const { accepts, detail } = OPERANDS[operator]
    if (!accepts(operand)) throw invalidField(pointer, detail)
    checkOperand(operand, pointer, 1)
    return { kind: 'compare', path, operator, operand: operand as Json }
  }

  #count(pointer: string): void {
    this.#clauses++
    if (this.#clauses > MAX_FILTER_CLAUSES) {
      throw invalidField(pointer, `must not have more than ${MAX_FILTER_CLAUSES} clauses`)
    }
  }
}

/** An operator inside a value would be compared as if it were data; whoever wrote it meant something else. */
function checkOperand(operand: unknown, pointer: string, depth: number): void {
  if (typeof operand !== 'object' || operand === null) return
  if (depth > MAX_OPERAND_DEPTH) throw invalidField(pointer, `must not be nested deeper than ${MAX_OPERAND_DEPTH}`)
  for (const [name, member] of Object.entries(operand)) {
    const at = step(pointer, name)
    if (name.startsWith('$')) throw invalidField(at, 'is not a known operator')
    checkOperand(member, at, depth + 1)
  }
}

/** `$id` is the document id; every other name that begins with `$` is an operator in the wrong place or unknown. */
function parsePath(name: string, pointer: string): readonly string[] {
  if (name === '$id') return ['$id']
  if (name.startsWith('$')) throw invalidField(pointer, 'is not a known operator')
  const path = name.split('.')
  if (path.includes('')) throw invalidField(pointer, 'must be a field name or a dotted path')
  if (path.length > MAX_FIELD_PATH_PARTS) {
    throw invalidField(pointer, `must not have more than ${MAX_FIELD_PATH_PARTS} parts`)
  }
  if (utf8Length(name) > MAX_FIELD_PATH_BYTES) {
    throw invalidField(pointer, `must not be longer than ${MAX_FIELD_PATH_BYTES} bytes`)
  }
  return path
}

function conjunction(children: readonly Filter[]): Filter {
  const [only] = children
  return children.length === 1 && only !== undefined ? only : { kind: 'and', children }
}
