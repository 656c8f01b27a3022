/** Every regular expression of a source file, and whether one repeats what itself repeats: the shape that can take for ever. */
import { parseSync, Visitor } from 'oxc-parser'

export interface Pattern {
  readonly file: string
  readonly source: string
}

/** Literals only; expressions that are put together are told by `isDynamic`. */
export function patternsOf(file: string, source: string): { literals: Pattern[]; dynamic: number } {
  const { program, errors } = parseSync(file, source)
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message ?? ''}`)
  const literals: Pattern[] = []
  let dynamic = 0
  new Visitor({
    Literal(node) {
      if ('regex' in node) literals.push({ file, source: node.regex.pattern })
    },
    NewExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'RegExp') dynamic++
    },
  }).visit(program)
  return { literals, dynamic }
}

interface Group {
  /** Whether the number of characters that one round takes can vary without bound, or by a counted repetition. */
  varies: boolean
}

const COUNTED = /^\{(\d+)(,?)(\d*)\}/

/** Whether a repetition without bound stands around a repetition: `(a+)*`, `(?:a{2,9}b?)+`. */
export function nestsRepetitions(pattern: string): boolean {
  const open: Group[] = [{ varies: false }]
  let closed: Group | undefined
  let found = false
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at] ?? ''
    const last = closed
    closed = undefined
    if (character === '\\') {
      at = endOfEscape(pattern, at)
    } else if (character === '[') {
      at = endOfClass(pattern, at)
    } else if (character === '(') {
      open.push({ varies: false })
      at = endOfGroupHead(pattern, at)
    } else if (character === ')') {
      closed = open.pop() ?? { varies: false }
      const outer = open.at(-1)
      if (closed.varies && outer !== undefined) outer.varies = true
    } else {
      const [, least = '', comma = '', most = ''] = COUNTED.exec(pattern.slice(at)) ?? []
      const isCounted = character === '{' && least !== ''
      const isEndless = character === '*' || character === '+' || (isCounted && comma !== '' && most === '')
      if (isEndless && last?.varies === true) found = true
      const outer = open.at(-1)
      if ((isEndless || (isCounted && comma !== '' && least !== most)) && outer !== undefined) outer.varies = true
      if (isCounted) at = pattern.indexOf('}', at)
    }
  }
  return found
}

function endOfEscape(pattern: string, at: number): number {
  return /^\\(?:[pPuk]|x)[{<]/.test(pattern.slice(at, at + 3)) ? pattern.slice(at).search(/[}>]/) + at : at + 1
}

/** Classes nest under the flag `v`. */
function endOfClass(pattern: string, start: number): number {
  let depth = 0
  for (let at = start; at < pattern.length; at++) {
    if (pattern[at] === '\\') at++
    else if (pattern[at] === '[' && (at === start || pattern.startsWith('--[', at - 2))) depth++
    else if (pattern[at] === ']' && --depth === 0) return at
  }
  return pattern.length
}

function endOfGroupHead(pattern: string, at: number): number {
  const [head = ''] = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(pattern.slice(at)) ?? []
  return at + head.length - 1
}
