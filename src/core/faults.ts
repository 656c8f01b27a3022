/**
 * Gathers everything that is wrong in one request body, so that the caller sees all of it at once. Hand-written parsers
 * of untrusted JSON use it; each fault names its place by JSON Pointer (RFC 6901).
 */
import { textFault } from './canonical-json.ts'
import { Problem, asProblem, type FieldFault, type ProblemCode } from './problem.ts'

/** More faults than this are counted but not listed. */
export const MAX_FAULTS = 100

/** Appends one reference token to a JSON Pointer. */
export const pointerTo = (parent: string, token: string | number): string =>
  `${parent}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`

export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export class Faults {
  readonly #faults: FieldFault[] = []
  #count = 0
  #code: ProblemCode | undefined

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Notes a fault. The problem keeps a special code such as `not_supported` only if every fault has it. */
  add(pointer: string, detail: string, code: ProblemCode = 'invalid_request'): void {
    this.#count++
    this.#code = this.#code === undefined || this.#code === code ? code : 'invalid_request'
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ pointer, detail })
  }

  /** Runs a parser that throws problems of its own and takes over their faults. */
  attempt<T>(parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      const problem = asProblem(error)
      if (problem?.errors === undefined) throw error
      for (const { pointer, detail } of problem.errors) this.add(pointer, detail, problem.code)
      return undefined
    }
  }

  /** Notes every member of `object` that is not known. */
  checkMembers(object: object, pointer: string, known: ReadonlySet<string>): void {
    for (const name of Object.keys(object)) {
      if (!known.has(name)) this.add(pointerTo(pointer, name.toWellFormed()), 'is not a known field')
    }
  }

  /** Takes a string that can be stored and shown; notes what else it is and returns `undefined`. */
  text(value: unknown, pointer: string): string | undefined {
    if (typeof value !== 'string') {
      this.add(pointer, 'must be a string')
      return undefined
    }
    const fault = textFault(value)
    if (fault === undefined) return value
    this.add(pointer, fault)
    return undefined
  }

  /** Throws one problem that lists the faults, if there are any. */
  throwIfAny(): void {
    const first = this.#faults[0]
    if (first === undefined) return
    const detail =
      this.#count > MAX_FAULTS
        ? `${this.#count} faults, the first ${MAX_FAULTS} are listed`
        : this.#count > 1
          ? `${this.#count} faults`
          : `${first.pointer === '' ? 'the body' : first.pointer} ${first.detail}`
    throw new Problem(this.#code ?? 'invalid_request', detail, { errors: this.#faults })
  }
}
