/** Where a passage stands in the file it came from: said by the blocks of the outline that it overlaps. */
import type { Location, OutlineBlock } from './document-text.ts'

/** The members of a location, in the order in which they are written. */
export const LOCATION_FIELDS = ['page', 'sheet', 'row', 'startTime', 'endTime'] as const

/** A location some of whose members may be there and `undefined`. */
type LooseLocation = { -readonly [Field in keyof Location]: Location[Field] | undefined }

/** The location alone, of a block or of anything that carries one; `undefined` where it says nothing. */
export function locationOf(carrier: LooseLocation): Location | undefined {
  const said = LOCATION_FIELDS.flatMap((field) => (carrier[field] === undefined ? [] : [[field, carrier[field]]]))
  return said.length === 0 ? undefined : (Object.fromEntries(said) as Location)
}

/** Finds locations in one outline. Blocks out of order are left out; each look-up takes as long as the blocks it overlaps. */
export class LocationReader {
  readonly #blocks: OutlineBlock[] = []

  constructor(outline: readonly OutlineBlock[] = []) {
    let at = 0
    for (const block of outline) {
      if (block.start < at || block.end <= block.start || locationOf(block) === undefined) continue
      this.#blocks.push(block)
      at = block.end
    }
  }

  /** `page`, `sheet`, `row` and `startTime` of the first block that has one, `endTime` of the last; by UTF-16 offsets. */
  of(start: number, end: number): Location | undefined {
    const found: LooseLocation = {}
    for (let index = this.#firstAfter(start); index < this.#blocks.length; index++) {
      const block = this.#blocks[index]
      if (block === undefined || block.start >= end) break
      found.page ??= block.page
      found.sheet ??= block.sheet
      found.row ??= block.row
      found.startTime ??= block.startTime
      found.endTime = block.endTime ?? found.endTime
    }
    return locationOf(found)
  }

  /** Index of the first block that ends behind `at`. */
  #firstAfter(at: number): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#blocks[middle]?.end ?? 0) > at) high = middle
      else low = middle + 1
    }
    return low
  }
}
