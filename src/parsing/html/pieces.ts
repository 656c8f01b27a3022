/**
 * Reads HTML piece by piece, so that whoever reads a large file may let others in between, and counts what comes out of it:
 * tags, attributes and texts cost far more than their characters.
 */
import type { Tokenizer } from 'htmlparser2'
import { FileFault } from '../file-fault.ts'
import type { ParseBudget } from '../parse-budget.ts'

/** In UTF-16 units: some milliseconds of work. */
const PIECE_LENGTH = 65_536
/** Tags, attributes and texts of one file; pages of a megabyte have some 50,000. */
export const MAX_HTML_TOKENS = 1_500_000

/** A computation that stops between two pieces of its work. */
export type InPieces<T> = Generator<undefined, T>

/** Counts tokens. @throws FileFault too_complex above `max` */
export class TokenCount {
  readonly #max: number
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  add(): void {
    if (++this.#count > this.#max) throw new FileFault('too_complex', 'the page is made of too many elements')
  }
}

/** Gives `tokenizer` all of `source`, whose offsets it tells. */
export function* tokenized(source: string, tokenizer: Tokenizer): InPieces<void> {
  for (let at = 0; at < source.length; at += PIECE_LENGTH) {
    if (at > 0) yield
    tokenizer.write(source.slice(at, at + PIECE_LENGTH))
  }
  tokenizer.end()
}

/** The result, at one stretch. */
export function drained<T>(work: InPieces<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
  }
}

/** The result; others of the isolate get their turn between two pieces. @throws FileFault parse_timeout */
export async function inTurns<T>(work: InPieces<T>, budget: ParseBudget): Promise<T> {
  for (;;) {
    const { done, value } = work.next()
    if (done === true) return value
    await budget.turn()
  }
}
