/**
 * Packs the pieces of a section greedily into slices of at most `size` tokens. Works on a stack of pieces: one that does
 * not fit is replaced by its parts, so nothing recurses and every count is of a bounded text.
 */
import type { CountTokens } from './document-text.ts'
import { isSplittable, split, type Grain, type Piece } from './split.ts'

export interface Slice {
  readonly start: number
  readonly end: number
  readonly tokens: number
}

/**
 * UTF-16 units that a chunk may have for each token of its size. Tokenisers fold long strings of rubbish into one unknown
 * token; this keeps such a chunk readable and bounds what is given to `countTokens`.
 */
const MAX_LENGTH_PER_TOKEN = 16

/** What may be repeated as overlap. */
const UNIT_GRAINS: ReadonlySet<Grain> = new Set(['item', 'record', 'row', 'sentence'])

interface Packed {
  readonly piece: Piece
  readonly tokens: number
  /** Repeated from the slice before. */
  readonly isOverlap: boolean
}

export class Packer {
  readonly #text: string
  readonly #size: number
  readonly #overlap: number
  readonly #countTokens: CountTokens
  readonly #maxLength: number
  readonly #keepWhole: boolean

  /** `keepWhole`: no piece that fits is split, even where a heading is left alone. */
  constructor(
    text: string,
    settings: { readonly size: number; readonly overlap: number; readonly keepWhole?: boolean },
    countTokens: CountTokens,
  ) {
    this.#keepWhole = settings.keepWhole ?? false
    this.#text = text
    this.#size = settings.size
    this.#overlap = settings.overlap
    this.#countTokens = countTokens
    this.#maxLength = settings.size * MAX_LENGTH_PER_TOKEN
  }

  /** `pieces` are in order and disjoint; headings come first. Ends early once there are more than `maxSlices`. */
  pack(pieces: readonly Piece[], maxSlices: number): Slice[] {
    const slices: Slice[] = []
    const waiting = pieces.toReversed()
    let open: Packed[] = []
    let sum = 0
    for (let piece = waiting.pop(); piece !== undefined; piece = waiting.pop()) {
      if (slices.length > maxSlices) return slices
      const tokens = this.#count(piece)
      if (open.length === 0) sum = 0
      if (this.#fits(open, sum + tokens, piece)) {
        open.push({ piece, tokens, isOverlap: false })
        sum += tokens
      } else if (this.#mustSplit(open, piece, tokens)) pushReversed(waiting, split(this.#text, piece))
      else if (open.length === 0) {
        // One character of more tokens than a chunk may have.
        slices.push({ start: piece.start, end: piece.end, tokens })
      } else if (open.every((packed) => packed.isOverlap)) {
        open = []
        waiting.push(piece)
      } else {
        waiting.push(piece)
        open = this.#close(open, slices, waiting)
        sum = open.reduce((total, packed) => total + packed.tokens, 0)
      }
    }
    while (open.some((packed) => !packed.isOverlap)) {
      open = this.#close(open, slices, waiting)
      // What verification gave back is packed by itself.
      for (let piece = waiting.pop(); piece !== undefined; piece = waiting.pop()) {
        open.push({ piece, tokens: this.#count(piece), isOverlap: false })
      }
    }
    return slices
  }

  /** Everything from the first piece to the last as one slice; `undefined` where it does not fit. */
  whole(pieces: readonly Piece[]): Slice | undefined {
    const start = pieces[0]?.start ?? 0
    const end = pieces.at(-1)?.end ?? start
    if (end - start > this.#maxLength) return undefined
    const tokens = this.#countTokens(this.#text.slice(start, end))
    return tokens > this.#size ? undefined : { start, end, tokens }
  }

  /** Tokens of a piece; infinite where the text is too long to be counted or kept whole. */
  #count(piece: Piece): number {
    if (piece.end - piece.start > this.#maxLength && isSplittable(piece)) return Number.POSITIVE_INFINITY
    return this.#countTokens(this.#text.slice(piece.start, piece.end))
  }

  #fits(open: readonly Packed[], tokens: number, piece: Piece): boolean {
    const start = open[0]?.piece.start ?? piece.start
    return piece.end - start <= this.#maxLength && tokens <= this.#size
  }

  /** Whether no chunk can hold the piece whole, or only one that would leave a heading alone. */
  #mustSplit(open: readonly Packed[], piece: Piece, tokens: number): boolean {
    if (!isSplittable(piece)) return false
    if (tokens > this.#size) return true
    if (this.#keepWhole) return false
    return !piece.isHeading && open.length > 0 && open.every((packed) => packed.piece.isHeading)
  }

  /**
   * Ends a slice. The sum of counts may be less than the count of the whole, so that is counted, and last pieces go back
   * to `waiting` until it holds. Returns the overlap that opens the next slice.
   */
  #close(open: readonly Packed[], slices: Slice[], waiting: Piece[]): Packed[] {
    let kept = [...open]
    let tokens = this.#countAll(kept)
    while (tokens > this.#size && kept.length > 1) {
      if (kept[0]?.isOverlap === true) kept = kept.filter((packed) => !packed.isOverlap)
      else {
        const last = kept.pop()
        if (last !== undefined) waiting.push(last.piece)
      }
      tokens = this.#countAll(kept)
    }
    const [first] = kept
    const last = kept.at(-1)
    if (first === undefined || last === undefined) return []
    slices.push({ start: first.piece.start, end: last.piece.end, tokens })
    return waiting.length === 0 ? [] : this.#overlapOf(kept)
  }

  #countAll(packed: readonly Packed[]): number {
    const [first] = packed
    const last = packed.at(-1)
    if (first === undefined || last === undefined) return 0
    if (first === last) return first.tokens
    return this.#countTokens(this.#text.slice(first.piece.start, last.piece.end))
  }

  /** The last whole sentences, items or rows of a slice that fit the overlap and leave out its beginning. */
  #overlapOf(packed: readonly Packed[]): Packed[] {
    const start = packed[0]?.piece.start ?? 0
    const overlap: Packed[] = []
    let room = this.#overlap
    for (const { piece } of packed.toReversed()) {
      if (piece.isHeading) return overlap
      for (const unit of this.#units(piece).toReversed()) {
        const tokens = this.#count(unit)
        if (tokens > room || unit.start <= start) return overlap
        room -= tokens
        overlap.unshift({ piece: unit, tokens, isOverlap: true })
      }
    }
    return overlap
  }

  /** The sentences, items or rows of a block; a block that is one sentence, or part of one, stays whole. */
  #units(piece: Piece): Piece[] {
    if (!UNIT_GRAINS.has(piece.grain)) {
      const parts = split(this.#text, piece)
      if (parts.every((part) => UNIT_GRAINS.has(part.grain))) return parts
    }
    return [piece]
  }
}

/** A loop, because a spread of that many arguments overflows the call stack. */
function pushReversed(stack: Piece[], pieces: readonly Piece[]): void {
  for (let i = pieces.length - 1; i >= 0; i--) {
    const piece = pieces[i]
    if (piece !== undefined) stack.push(piece)
  }
}
