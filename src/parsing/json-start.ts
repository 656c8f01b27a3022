/** Does a text begin as JSON, and are there several values one under another? Looks at as much of it as there is. */
import { endOfString } from './json-bounds.ts'

export interface JsonStart {
  /** Whole values with which it begins; 1 also where the first one does not end within the text. */
  readonly values: number
  /** The first value stands on more than one line. */
  readonly isSpread: boolean
  /** More than brackets was seen. */
  readonly isSure: boolean
}

/** What may stand between strings and brackets. */
const PLAIN = /[\s,:]|true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y

/** `undefined` where something stands that JSON does not have. `text` begins with a bracket. */
export function jsonStart(text: string, isWhole: boolean): JsonStart | undefined {
  const first = endOfValue(text, 0)
  if (first === undefined) return undefined
  if (first === text.length) {
    // Cut off, by the head's end or for good: as good as a value.
    return { values: 1, isSpread: text.trimEnd().includes('\n'), isSure: /["\d]/.test(text) }
  }
  const isSpread = text.slice(0, first).includes('\n')
  const rest = text.slice(first)
  if (rest.trim() === '') return { values: 1, isSpread, isSure: true }
  // Values of JSON lines end with their line, so the next one begins there.
  if (isSpread || !/^[ \t]*\n\s*\S/.test(rest)) return undefined
  const second = rest.trimStart()
  const isValue = /^[[{]/.test(second) && endOfValue(second, 0) !== undefined
  return isValue || isWhole || /^["\d{[tfn-]/.test(second) ? { values: 2, isSpread, isSure: true } : undefined
}

/** Offset behind the value, or the text's length when it does not end; `undefined` when it is none. */
function endOfValue(text: string, start: number): number | undefined {
  let depth = 0
  for (let at = start; at < text.length;) {
    const character = text[at]!
    if (character === '{' || character === '[') {
      // A member's name comes first.
      if (character === '{' && !/^\{\s*(?:["}]|$)/.test(text.slice(at, at + 200))) return undefined
      depth++
      at++
    } else if (character === '}' || character === ']') {
      depth--
      at++
      if (depth === 0) return at
    } else if (character === '"') at = endOfString(text, at) + 1
    else {
      PLAIN.lastIndex = at
      const plain = PLAIN.exec(text)
      // A number or word may be cut off by the end.
      if (plain === null) return text.length - at < 5 ? text.length : undefined
      at += plain[0].length
    }
  }
  return text.length
}
