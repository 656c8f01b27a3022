/** From zod's issues to the `errors` of a problem: one JSON Pointer and one plain sentence a fault. */
import type { z } from '@hono/zod-openapi'
import { Faults, pointerTo } from '../core/faults.ts'
import { unreachable } from '../core/invariant.ts'

type Issue = z.core.$ZodIssue

/** Names of contract fields that are not built yet, as pointers with `*` for any one segment. */
export type NotYet = readonly string[]

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

function describe(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === undefined ? 'is required' : `must be ${NOUNS[issue.expected] ?? issue.expected}`
    case 'too_small':
      return bound(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)
    case 'too_big':
      return bound(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)
    case 'invalid_value':
      return `must be ${listOf(issue.values.map(jsonOf))}`
    case 'custom':
    case 'invalid_format':
      return issue.message.startsWith('Invalid') ? 'does not have the required form' : issue.message
    case 'unrecognized_keys':
      return 'is not a known field'
    case 'invalid_union':
      return describeUnion(issue, value)
    case 'not_multiple_of':
    case 'invalid_key':
    case 'invalid_element':
      return 'is not valid'
  }
  return unreachable(issue)
}

/** What a value might have been, where it is of no branch's type. */
function describeUnion(issue: Extract<Issue, { code: 'invalid_union' }>, value: unknown): string {
  if (value === undefined) return 'is required'
  if ('options' in issue && Array.isArray(issue.options)) return `must be ${listOf(issue.options.map(jsonOf))}`
  const types = issue.errors.flatMap(([first]) =>
    first?.code === 'invalid_type' && first.path.length === 0 ? [NOUNS[first.expected] ?? first.expected] : [],
  )
  return types.length === issue.errors.length && types.length > 0 ? `must be ${listOf(types)}` : 'is not valid'
}

const jsonOf = (value: unknown): string => JSON.stringify(value)

const listOf = (parts: readonly string[]): string => [...new Set(parts)].join(' or ')

function bound(origin: string, comparison: string, limit: number | bigint): string {
  if (origin === 'string') return `must be ${comparison} ${limit} characters long`
  if (origin === 'array' || origin === 'set') return `must have ${comparison} ${limit} items`
  return `must be ${comparison} ${limit}`
}

function isNotYet(pointer: string, notYet: NotYet): boolean {
  const segments = pointer.split('/')
  return notYet.some((pattern) => {
    const wanted = pattern.split('/')
    return wanted.length === segments.length && wanted.every((part, i) => part === '*' || part === segments[i])
  })
}

const childOf = (value: unknown, key: PropertyKey): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined

/** A fault of the value as a whole: it is of another type than the branch wants. */
const isAtTheValue = ({ code, path }: Issue): boolean =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')

/** Of a union the branch is reported whose faults lie inside the value: the one that the caller meant. */
function addIssues(faults: Faults, issues: readonly Issue[], root: unknown, base: string, notYet: NotYet): void {
  for (const issue of issues) {
    const pointer = issue.path.reduce<string>((parent, key) => pointerTo(parent, String(key)), base)
    const value = issue.path.reduce(childOf, root)
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const at = pointerTo(pointer, key.toWellFormed())
        if (isNotYet(at, notYet)) faults.add(at, 'is not supported yet', 'not_supported')
        else faults.add(at, describe(issue, value))
      }
    } else if (issue.code === 'invalid_union') {
      const meant = issue.errors.find((branch) => !branch.some(isAtTheValue))
      if (meant === undefined) faults.add(pointer, describe(issue, value))
      else addIssues(faults, meant, value, pointer, notYet)
    } else if (issue.code === 'custom' && issue.params?.['code'] === 'not_supported') {
      faults.add(pointer, 'is not supported yet', 'not_supported')
    } else {
      faults.add(pointer, describe(issue, value))
    }
  }
}

/**
 * Parses a value with a schema.
 * @throws not_supported when every fault is a contract field that is not built yet, else invalid_request
 */
export function parseWith<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  notYet: NotYet = [],
): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const faults = new Faults()
  addIssues(faults, result.error.issues, value, '', notYet)
  faults.throwIfAny()
  return undefined as never
}
