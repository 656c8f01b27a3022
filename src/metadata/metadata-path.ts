/**
 * How a dotted path finds values in a document's metadata, as MongoDB walks it: through objects, through arrays of objects
 * by any element, and into arrays by position (`steps.0.name`). Beyond MongoDB, a field whose own name contains dots is found too.
 */
import type { Json, JsonObject } from '../core/canonical-json.ts'

/** What a path leads to; `undefined` stands for each place where the path breaks off, which `null` matches. */
export type Reached = Json | undefined

const POSITION = /^(?:0|[1-9]\d{0,8})$/

/** A path made ready for many documents. */
export class MetadataPath {
  readonly #parts: number
  /** For each part the place in an array that it may stand for, or infinity. */
  readonly #positions: readonly number[]
  readonly #hasPosition: boolean
  /** `#names[from][length - 1]` is the name made of `length` parts from the part `from` on. */
  readonly #names: readonly (readonly string[])[]

  constructor(parts: readonly string[]) {
    this.#parts = parts.length
    this.#positions = parts.map((part) => (POSITION.test(part) ? Number(part) : Infinity))
    this.#hasPosition = this.#positions.some(Number.isFinite)
    this.#names = parts.map((_, from) =>
      parts.slice(from).map((__, rest) => parts.slice(from, from + rest + 1).join('.')),
    )
  }

  /**
   * Visits everything that the path leads to. A path of n parts visits each array at most n times and looks up at most n
   * names in every object on its way, so the time is linear in the size of the metadata.
   */
  visit(metadata: JsonObject, visit: (value: Reached) => void): void {
    // A numeric part enters an element by position and by name, and both ways may meet again further down: without
    // this memory the number of ways would grow exponentially with the depth.
    const seen: Set<readonly Json[]>[] | undefined = this.#hasPosition ? [] : undefined
    this.#visitObject(metadata, 0, seen, visit)
  }

  #visitObject(object: JsonObject, from: number, seen: Seen, visit: (value: Reached) => void): void {
    let isFound = false
    for (const [rest, name] of this.#names[from]!.entries()) {
      if (!Object.hasOwn(object, name)) continue
      isFound = true
      this.#visitRest(object[name]!, from + rest + 1, seen, visit)
    }
    if (!isFound) visit(undefined)
  }

  #visitRest(value: Json, from: number, seen: Seen, visit: (value: Reached) => void): void {
    if (from === this.#parts) visit(value)
    else if (Array.isArray(value)) this.#visitElements(value, from, seen, visit)
    else if (typeof value === 'object' && value !== null) this.#visitObject(value, from, seen, visit)
    else visit(undefined)
  }

  /** Only elements that are objects are entered by name: a path never breaks off at a plain element, it passes it by. */
  #visitElements(elements: readonly Json[], from: number, seen: Seen, visit: (value: Reached) => void): void {
    if (seen !== undefined) {
      const seenHere = (seen[from] ??= new Set())
      if (seenHere.has(elements)) return
      seenHere.add(elements)
    }
    const position = this.#positions[from]!
    if (position < elements.length) this.#visitRest(elements[position]!, from + 1, seen, visit)
    for (const element of elements) {
      if (typeof element === 'object' && element !== null && !Array.isArray(element)) {
        this.#visitObject(element, from, seen, visit)
      }
    }
  }
}

/** The arrays visited so far, by the number of the part they were entered with. */
type Seen = Set<readonly Json[]>[] | undefined
