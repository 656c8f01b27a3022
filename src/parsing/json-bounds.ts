/** How deep and how large is a JSON text? Told by one look at its characters, before anything is made of it. */
import { MAX_FILE_DEPTH } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'

/** Values made of one text at once: each costs far more memory than its characters. */
export const MAX_JSON_VALUES = 500_000

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Parses what is not nested too deep and not made of too many values. @throws FileFault too_complex @throws SyntaxError */
export function parseBoundedJson(text: string): unknown {
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at)
    else if (unit === 0x5b || unit === 0x7b) {
      depth++
      values++
      if (depth > MAX_FILE_DEPTH) throw new FileFault('too_complex', `the JSON is nested deeper than ${MAX_FILE_DEPTH}`)
    } else if (unit === 0x5d || unit === 0x7d) depth--
    else if (unit === 0x2c) values++
    if (values > MAX_JSON_VALUES)
      throw new FileFault(
        'too_complex',
        `the JSON has more than ${MAX_JSON_VALUES} values at once; save it as JSON lines`,
      )
  }
  return JSON.parse(text)
}

/** Offset of the closing quote, or of the text's end. */
export function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === BACKSLASH) at++
    else if (unit === QUOTE) return at
  }
  return text.length
}

/**
 * The elements of a text that is one array, as texts; `undefined` when it is no array. What lies between is not judged:
 * each element is, when it is parsed.
 */
export function elementsOf(text: string): Iterable<string> | undefined {
  return text.trimStart().startsWith('[') ? elements(text) : undefined
}

function* elements(text: string): Generator<string> {
  const opening = text.indexOf('[')
  let depth = 0
  let start = opening + 1
  let elementCount = 0
  for (let at = opening; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at)
    else if (unit === 0x5b || unit === 0x7b) depth++
    else if (unit === 0x5d || unit === 0x7d) depth--
    if (depth === 0) {
      const last = text.slice(start, at)
      if (unit !== 0x5d || text.slice(at + 1).trim() !== '') throw new SyntaxError('text behind the array')
      if (elementCount > 0 || last.trim() !== '') yield last
      return
    }
    if (depth === 1 && unit === 0x2c) {
      elementCount++
      yield text.slice(start, at)
      start = at + 1
    }
    if (depth > MAX_FILE_DEPTH) throw new FileFault('too_complex', `the JSON is nested deeper than ${MAX_FILE_DEPTH}`)
  }
  throw new SyntaxError('the array is not closed')
}
