/**
 * Looks through a PDF's own syntax for numbers that a reader would turn into memory: ranges of character maps and of
 * widths, columns of a predictor. Works on plain text, raw or unpacked, without reading it as a PDF; a file hides from it only
 * with much effort, and then costs its own repetition at most.
 */
import { FileFault } from '../file-fault.ts'
import type { ParseBudget } from '../parse-budget.ts'

/** Codes of all character maps together; each is an entry in memory. */
const MAX_MAPPED_CODES = 2_000_000
/** Unicode's last; no font has more glyphs. */
const MAX_CODE = 1_114_111
const MAX_COLUMNS = 100_000
/** Graphics states that a page saves one in another; pdf.js pays for each of them at every further step, and 28 are allowed. */
const MAX_SAVED_STATES = 100
/** Of one stream; pdf.js looks each of them up anew where there is none of that name: 4 µs. */
const MAX_NAMED_STATES = 100_000
/** A state that is saved is a copy. */
const STEPS_PER_STATE = 4
/** Streams that pages name as parts of their content. */
const MAX_CONTENT_PARTS = 200_000
/** Further into an array nobody looks. */
const MAX_ARRAY_LENGTH = 1_000_000

export class StructureCheck {
  readonly #budget: ParseBudget
  #mapped = 0
  #contentParts = 0
  /** How often each object is the content of a page. */
  readonly contents = new Map<number, number>()
  /** Contents that are made of several objects. */
  readonly divided: (readonly number[])[] = []

  constructor(budget: ParseBudget) {
    this.#budget = budget
  }

  /** `known`: so much of the beginning was looked at before. @throws FileFault too_complex */
  look(text: string, known = 0): void {
    this.#states(text)
    if (text.includes('range')) this.#characterMaps(text)
    if (text.includes('/Columns')) {
      for (const [, columns] of text.matchAll(/\/Columns\s*(\d+)/g)) refuseAbove(Number(columns), MAX_COLUMNS)
    }
    if (text.includes('/W')) this.#arrays(text, /\/W2?\s*(?=\[)/g)
    this.#arrays(text, /(?:obj|[\])>\d])\s*(?=\[\s*\d)/g)
    if (text.includes('/Contents')) this.#contents(text, known)
  }

  #characterMaps(text: string): void {
    const begin = /begin(?:bf|cid|notdef)range/g
    for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
      const end = text.indexOf('end', begin.lastIndex)
      const section = text.slice(begin.lastIndex, end < 0 ? text.length : end).replace(/\s+/g, '')
      begin.lastIndex = end < 0 ? text.length : end
      for (const [, low = '', high = ''] of section.matchAll(/<([\da-f]*)><([\da-f]*)>(?=[<\d])/gi)) {
        const width = Number.parseInt(high.slice(-8), 16) - Number.parseInt(low.slice(-8), 16)
        if (width > 0) this.#mapped += width
      }
      if (this.#mapped > MAX_MAPPED_CODES) throw new FileFault('too_complex')
    }
  }

  /** Arrays of numbers, where a range of codes may stand. */
  #arrays(text: string, opening: RegExp): void {
    for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
      const end = Math.min(text.length, opening.lastIndex + MAX_ARRAY_LENGTH)
      let depth = 0
      let number = 0
      let at = opening.lastIndex
      for (; at < end; at++) {
        const code = text.charCodeAt(at)
        if (code >= 48 && code <= 57) {
          number = number * 10 + code - 48
          if (depth === 1) refuseAbove(number, MAX_CODE)
          continue
        }
        number = 0
        if (code === 0x5b) depth++
        else if (code === 0x5d && --depth === 0) break
        else if (code === 0x2e) {
          // Decimals are no codes.
          while (text.charCodeAt(at + 1) >= 48 && text.charCodeAt(at + 1) <= 57) at++
        } else if (code !== 0x2d && code > 0x20) break
      }
      opening.lastIndex = Math.max(at, opening.lastIndex)
    }
  }

  #contents(text: string, known: number): void {
    // An array of them ends before the next begins, so that none is looked through twice.
    for (const match of text.matchAll(/\/Contents\s*(?:(\d+)\s+\d+\s+R|\[([^[\]]{0,20000})\])/g)) {
      if (match.index + match[0].length <= known) continue
      const [, single, several = ''] = match
      const numbers =
        single === undefined
          ? [...several.matchAll(/(\d+)\s+\d+\s+R/g)].map(([, number]) => Number(number))
          : [Number(single)]
      this.#contentParts += numbers.length
      refuseAbove(this.#contentParts, MAX_CONTENT_PARTS)
      for (const number of numbers) this.contents.set(number, (this.contents.get(number) ?? 0) + 1)
      if (numbers.length > 1) this.divided.push(numbers)
    }
  }

  /** Graphics states that are saved, brought back and looked up. */
  #states(text: string): void {
    let depth = 0
    let named = 0
    for (const { 0: operator } of text.matchAll(/(?<!\S)(?:[qQ]|gs)(?!\S)/g)) {
      this.#budget.step(STEPS_PER_STATE)
      if (operator === 'gs') named++
      else depth = operator === 'q' ? depth + 1 : Math.max(0, depth - 1)
      refuseAbove(depth, MAX_SAVED_STATES)
      refuseAbove(named, MAX_NAMED_STATES)
    }
  }
}

function refuseAbove(value: number, limit: number): void {
  if (value > limit) throw new FileFault('too_complex')
}
