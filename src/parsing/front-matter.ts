/** YAML between `---` lines at the beginning of a markdown file, as JSON. Broken YAML is text, a bomb of it is a fault. */
import { parseDocument } from 'yaml'
import type { Json, JsonObject } from '../core/canonical-json.ts'
import { MAX_FILE_DEPTH } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { cleanText } from './file-text.ts'

const MAX_FRONT_MATTER_CHARACTERS = 65_536
/** Aliases multiply what they stand for, so what comes out is counted as well. */
const MAX_ALIASES = 100
const MAX_VALUES = 10_000
/** A date with a time, as YAML writes it; a date alone is ISO already. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}(?:[Tt]|[ \t]+)\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?[ \t]*(?:[Zz]|[+-]\d{2}:?\d{2})?$/

export interface FrontMatter {
  readonly fields: JsonObject
  /** Offset of the text behind it. */
  readonly end: number
}

/** `undefined` where the text has none, or none that is a YAML mapping. @throws FileFault too_complex */
export function readFrontMatter(text: string): FrontMatter | undefined {
  const source = frontMatterSource(text)
  if (source === undefined) return undefined
  checkNesting(source.yaml)
  const document = parseDocument(source.yaml, {
    schema: 'core',
    logLevel: 'silent',
    stringKeys: true,
    uniqueKeys: false,
  })
  if (document.errors.length > 0) return undefined
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch {
    throw new FileFault('too_complex', 'the front matter repeats itself by too many aliases')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return { fields: jsonOf(value, 0, { count: 0 }) as JsonObject, end: source.end }
}

function frontMatterSource(text: string): { yaml: string; end: number } | undefined {
  const opening = /^---[ \t]*\n/.exec(text)
  if (opening === null) return undefined
  const head = text.slice(0, MAX_FRONT_MATTER_CHARACTERS)
  const closing = /\n(?:---|\.\.\.)[ \t]*(?:\n|$)/g
  closing.lastIndex = opening[0].length - 1
  const end = closing.exec(head)
  return end === null
    ? undefined
    : { yaml: head.slice(opening[0].length, end.index + 1), end: end.index + end[0].length }
}

/** The library's reader calls itself for each level, so deep ones never reach it. */
function checkNesting(yaml: string): void {
  let depth = 0
  for (const character of yaml) {
    if (character === '[' || character === '{') depth++
    else if ((character === ']' || character === '}') && depth > 0) depth--
    if (depth > MAX_FILE_DEPTH) throw tooDeep()
  }
  for (const line of yaml.split('\n')) {
    if ((/^[ ]*(?:[-?:][ \t]+)*/.exec(line)?.[0].length ?? 0) > 2 * MAX_FILE_DEPTH) throw tooDeep()
  }
}

const tooDeep = (): FileFault => new FileFault('too_complex', 'the front matter is nested too deep')

function jsonOf(value: unknown, depth: number, values: { count: number }): Json {
  if (++values.count > MAX_VALUES || depth > MAX_FILE_DEPTH) throw tooDeep()
  if (typeof value === 'string') return TIMESTAMP.test(value) ? isoTime(value) : cleanText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, depth + 1, values))
  if (typeof value !== 'object' || value === null) return null
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [cleanText(name), jsonOf(member, depth + 1, values)]),
  )
}

/** In UTC where the time has no zone, as YAML says. */
function isoTime(text: string): string {
  const [date = '', time = ''] = text.split(/[Tt]|[ \t]+(?=\d)/)
  const zoned = /(?:[Zz]|[+-]\d{2}:?\d{2})$/.test(time) ? time.replace(/[ \t]+/, '') : `${time}Z`
  const parsed = new Date(`${date}T${zoned.toUpperCase().replace(/([+-]\d{2})(\d{2})$/, '$1:$2')}`)
  return Number.isNaN(parsed.getTime()) ? text : parsed.toISOString()
}
