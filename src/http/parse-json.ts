/**
 * From a body's text to a JSON value that is safe to walk: well-formed, not nested without end, every number finite and
 * every string storable. Parsers and schemas come after it and rely on it.
 */
import { textFault } from '../core/canonical-json.ts'
import { Faults, pointerTo } from '../core/faults.ts'
import { invalidField } from '../core/problem.ts'

/** Deeper bodies are refused, so that recursion over a value is always safe. */
const MAX_JSON_DEPTH = 64

/** @throws invalid_request for the whole text where it is not JSON */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalidField('', text.trim() === '' ? 'a JSON body is required' : 'the body is not valid JSON')
  }
}

/** @throws invalid_request with the pointer of each fault */
export function checkJson(value: unknown): void {
  const faults = new Faults()
  visit(value, [], faults)
  faults.throwIfAny()
}

/** Pointers are spelt only for faults. O(size of the value); recursion ends at the depth limit. */
function visit(value: unknown, path: (string | number)[], faults: Faults): void {
  const report = (detail: string): void => faults.add(path.reduce<string>(pointerTo, ''), detail)
  if (typeof value === 'string') {
    const fault = textFault(value)
    if (fault !== undefined) report(fault)
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) report('must be a finite number')
  } else if (typeof value === 'object' && value !== null) {
    if (path.length >= MAX_JSON_DEPTH) report(`must not be nested more than ${MAX_JSON_DEPTH} levels deep`)
    else if (Array.isArray(value)) visitItems(value, path, faults)
    else visitMembers(value, path, faults)
  }
}

function visitItems(items: readonly unknown[], path: (string | number)[], faults: Faults): void {
  for (const [index, item] of items.entries()) {
    // Vectors are most of what large bodies hold.
    if (typeof item === 'number' && Number.isFinite(item)) continue
    path.push(index)
    visit(item, path, faults)
    path.pop()
  }
}

function visitMembers(object: object, path: (string | number)[], faults: Faults): void {
  for (const [key, member] of Object.entries(object)) {
    const fault = textFault(key)
    path.push(key.toWellFormed())
    if (fault === undefined) visit(member, path, faults)
    else faults.add(path.reduce<string>(pointerTo, ''), `its name ${fault}`)
    path.pop()
  }
}
