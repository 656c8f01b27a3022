/**
 * JSON that means one thing to every reader: an object that names a member twice is refused, because two parsers may take
 * two different values of it. So are numbers beyond the finite ones and texts that cannot be stored.
 */
import { textFault } from '../core/canonical-json.ts'

/** In text that is known to be JSON: strings, and whether each names a member; braces; numbers. */
const PART = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]|-?\d[\d.eE+-]*/g

/** Never throws: `undefined` for what is not JSON, or not strictly so. O(length). */
export function parseStrictJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return isStrict(text) ? value : undefined
  } catch {
    return undefined
  }
}

function isStrict(json: string): boolean {
  /** The names seen so far in each object that is open. */
  const open: Set<string>[] = []
  for (const [part, string, colon] of json.matchAll(PART)) {
    if (part === '{') open.push(new Set())
    else if (part === '}') open.pop()
    else if (string === undefined) {
      if (!Number.isFinite(Number(part))) return false
    } else {
      const text = JSON.parse(string) as string
      if (textFault(text) !== undefined) return false
      if (colon === undefined) continue
      const names = open.at(-1)!
      if (names.has(text)) return false
      names.add(text)
    }
  }
  return true
}
