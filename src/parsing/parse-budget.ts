/**
 * What reading one file may cost. Parsers count what they expand, hold and do, because nothing can stop them from outside:
 * one thread runs them beside the requests of the isolate, and its clock stands still while they compute.
 */
import { MAX_EXPANDED_BYTES, MAX_PARSE_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'

/** Steps that any file may take, and further ones for each of its bytes. */
const BASE_STEPS = 1_000_000
const STEPS_PER_BYTE = 4
const DEFAULT_TIME_MS = 120_000

export interface ParseLimits {
  /** Of the file, in bytes: what may be done grows with it. */
  readonly size: number
  readonly maxExpandedBytes?: number
  readonly maxHeldBytes?: number
  readonly timeMs?: number
  readonly clock: () => number
}

export class ParseBudget {
  readonly #clock: () => number
  readonly #deadlineMs: number
  readonly #maxHeld: number
  #expandable: number
  #steps: number
  #held = 0

  constructor({ size, maxExpandedBytes, maxHeldBytes, timeMs = DEFAULT_TIME_MS, clock }: ParseLimits) {
    this.#clock = clock
    this.#deadlineMs = clock() + timeMs
    this.#expandable = maxExpandedBytes ?? MAX_EXPANDED_BYTES
    this.#maxHeld = maxHeldBytes ?? MAX_PARSE_BYTES
    this.#steps = BASE_STEPS + size * STEPS_PER_BYTE
  }

  /** Bytes that came out of a decompression; ask for each piece before the next is made. @throws FileFault expansion_limit */
  expand(bytes: number): void {
    this.#expandable -= bytes
    if (this.#expandable < 0) throw new FileFault('expansion_limit')
  }

  /** Bytes that are in memory from now on. @throws FileFault too_complex */
  hold(bytes: number): void {
    this.#held += bytes
    if (this.#held > this.#maxHeld) throw new FileFault('too_complex', 'reading the file takes too much memory')
  }

  release(bytes: number): void {
    this.#held -= bytes
  }

  /** Units of work: elements, tokens, cells. @throws FileFault too_complex */
  step(count = 1): void {
    this.#steps -= count
    if (this.#steps < 0) throw new FileFault('too_complex')
  }

  /** Lets others of the isolate in; call it every few hundred steps or 64 KB. @throws FileFault parse_timeout */
  async turn(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0))
    if (this.#clock() > this.#deadlineMs) throw new FileFault('parse_timeout')
  }
}
