/**
 * How a dotted path finds values in a document's metadata, as MongoDB walks it: through objects, through arrays of objects
 * by any element, and into arrays by position (`steps.0.name`). Beyond MongoDB, a field whose own name contains dots is found too.
 */
import type { Json, JsonObject } from '../core/canonical-json.ts'

/** What a path leads to; `undefined` stands for each place where the path breaks off, which `null` matches. */
export type Reached = Json | undefined

/** Visits everything that the path leads to. A path of n parts looks up at most n names in every object on its way. */
export function visitPath(metadata: JsonObject, path: readonly string[], visit: (value: Reached) => void): void {
  visitObject(metadata, path, 0, visit)
}

function visitObject(object: JsonObject, path: readonly string[], from: number, visit: (value: Reached) => void): void {
  let isFound = false
  let name = ''
  for (let end = from + 1; end <= path.length; end++) {
    name = end === from + 1 ? path[from]! : `${name}.${path[end - 1]!}`
    if (!Object.hasOwn(object, name)) continue
    isFound = true
    visitRest(object[name]!, path, end, visit)
  }
  if (!isFound) visit(undefined)
}

function visitRest(value: Json, path: readonly string[], from: number, visit: (value: Reached) => void): void {
  if (from === path.length) visit(value)
  else if (Array.isArray(value)) visitElements(value, path, from, visit)
  else if (typeof value === 'object' && value !== null) visitObject(value, path, from, visit)
  else visit(undefined)
}

/** Only elements that are objects are entered by name: a path never breaks off at a plain element, it passes it by. */
function visitElements(
  elements: readonly Json[],
  path: readonly string[],
  from: number,
  visit: (value: Reached) => void,
): void {
  const part = path[from]!
  if (/^(?:0|[1-9]\d{0,8})$/.test(part) && Number(part) < elements.length) {
    visitRest(elements[Number(part)]!, path, from + 1, visit)
  }
  for (const element of elements) {
    if (typeof element === 'object' && element !== null && !Array.isArray(element)) {
      visitObject(element, path, from, visit)
    }
  }
}
