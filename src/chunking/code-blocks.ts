/**
 * Where does code fall apart? Top-level definitions with the comments and decorators directly above them; within a long one, at
 * blank lines of the least indentation, else at its statements. And under which definitions a place stands. It goes by
 * brackets, indentation and first words, knows no grammar, and never fails; O(length).
 */
import { headOf, codeLines, type CodeLine } from './code-lines.ts'
import { guessLanguage, languageNamed, type CodeLanguage } from './code-language.ts'

/** UTF-16 offsets, half-open. */
export interface CodeSpan {
  readonly start: number
  readonly end: number
}

export interface CodeDefinition extends CodeSpan {
  /** Its first line without the bracket or colon that opens its body, white space collapsed. */
  readonly signature: string
  /** The definition that it stands in. */
  readonly parent: CodeDefinition | undefined
}

export interface CodeOutline {
  /** Trimmed, ascending, disjoint; together they cover all but white space. */
  readonly blocks: readonly CodeSpan[]
  /** In order of their beginnings. */
  readonly definitions: readonly CodeDefinition[]
}

/** Definitions within more others than this are not listed. */
const MAX_NESTING = 6
const CONTROL = new Set(
  'if for while switch catch return else do try with new throw await yield case using lock foreach synchronized match loop unless when assert defer go select elif until not and or in'.split(
    ' ',
  ),
)
const PROCEDURE = /^create\b.{0,80}\b(?:procedure|function|trigger|package)\b/i

/** Blocks and definitions of a text of code, or of a part of it. */
export function codeOutline(text: string, language: CodeLanguage, part?: CodeSpan): CodeOutline {
  const lines = codeLines(text, part?.start ?? 0, part?.end ?? text.length, language)
  const reader = new OutlineReader(text, language, lines)
  return {
    blocks: language.family === 'statements' ? reader.statements() : reader.blocks(),
    definitions: reader.definitions(),
  }
}

/** The definitions that hold `start`, outermost first; where none does, the first that begins before `end`. */
export function pathIn(definitions: readonly CodeDefinition[], start: number, end: number): CodeDefinition[] {
  let low = 0
  let high = definitions.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((definitions[middle]?.start ?? 0) <= start) low = middle + 1
    else high = middle
  }
  const path: CodeDefinition[] = []
  for (let found = definitions[low - 1]; found !== undefined; found = found.parent) {
    if (found.end > start) path.unshift(found)
  }
  const next = definitions[low]
  return path.length === 0 && next !== undefined && next.start < end ? [next] : path
}

/** The blocks of fenced or indented code in a text of prose, fences included; `undefined` where it is no known language. */
export function fencedBlocks(text: string, span: CodeSpan): CodeSpan[] | undefined {
  const opening = /^(`{3,}|~{3,})[ \t]*([\w+#-]*)[^\n]*(?:\n|$)/.exec(
    text.slice(span.start, Math.min(span.end, span.start + 300)),
  )
  const from = span.start + (opening?.[0].length ?? 0)
  const closing = opening === null ? -1 : text.lastIndexOf('\n', span.end - 1)
  const isClosed =
    closing >= from &&
    text
      .slice(closing, span.end)
      .trim()
      .startsWith(opening?.[1] ?? ' ')
  const to = isClosed ? closing : span.end
  if (from >= to) return undefined
  const name = opening?.[2] ?? ''
  const language = name === '' ? guessLanguage(text.slice(from, Math.min(to, from + 4_000))) : languageNamed(name)
  if (language === undefined) return undefined
  const blocks = [...codeOutline(text, language, { start: from, end: to }).blocks]
  const [first] = blocks
  if (first === undefined) return undefined
  blocks[0] = { start: span.start, end: first.end }
  const last = blocks.at(-1) ?? first
  blocks[blocks.length - 1] = { start: last.start, end: span.end }
  return blocks
}

class OutlineReader {
  readonly #text: string
  readonly #language: CodeLanguage
  readonly #lines: readonly CodeLine[]
  /** The least indentation of any line: a fenced block may be indented as a whole. */
  readonly #margin: number

  constructor(text: string, language: CodeLanguage, lines: readonly CodeLine[]) {
    this.#text = text
    this.#language = language
    this.#lines = lines.filter((line) => !line.isInside || line.end > line.start)
    let margin = Infinity
    for (const line of this.#lines) {
      if (line.end > line.start && !line.isInside && line.indent < margin) margin = line.indent
    }
    this.#margin = margin
  }

  blocks(): CodeSpan[] {
    const blocks: CodeSpan[] = []
    const builder = new BlockBuilder(blocks)
    for (const [index, line] of this.#lines.entries()) {
      if (line.end === line.start) {
        if (!line.isInside) builder.blank()
        continue
      }
      const nextDepth = this.#lines[index + 1]?.depth ?? 0
      const role = this.#roleOf(line, index)
      builder.add(line, role, nextDepth > 0, line.lastSign === ';' || line.lastSign === '}')
    }
    builder.close()
    return blocks
  }

  /** Each statement with the comments above it. */
  statements(): CodeSpan[] {
    const blocks: CodeSpan[] = []
    let open: { start: number; end: number; hasCode: boolean; head: string; isProcedure: boolean } | undefined
    for (const line of this.#lines) {
      if (line.end === line.start) {
        if (open !== undefined && !open.hasCode && !line.isInside) {
          blocks.push({ start: open.start, end: open.end })
          open = undefined
        }
        continue
      }
      const head = headOf(this.#text, line)
      open ??= { start: line.start, end: line.end, hasCode: false, head: '', isProcedure: false }
      open.end = line.end
      if (line.hasCode && open.head === '') open.head = head
      open.hasCode ||= line.hasCode
      open.isProcedure ||= PROCEDURE.test(open.head) && /\bbegin\b/i.test(head) && !line.isInside
      if (line.lastSign !== ';' || (open.isProcedure && !/^end\b/i.test(head))) continue
      if (open.isProcedure && line.indent > this.#margin) continue
      blocks.push({ start: open.start, end: open.end })
      open = undefined
    }
    if (open !== undefined) blocks.push({ start: open.start, end: open.end })
    return blocks
  }

  definitions(): CodeDefinition[] {
    const { family } = this.#language
    const found: Open[] = []
    const open: Open[] = []
    let end = 0
    let isBetween = true
    for (const [index, line] of this.#lines.entries()) {
      if (line.end === line.start) continue
      const level = family === 'brackets' ? line.depth : family === 'statements' ? 0 : line.indent
      if (!line.isInside && line.hasCode && (family !== 'indentation' || line.depth === 0)) {
        const head = headOf(this.#text, line)
        const isDefinition = family === 'statements' ? isBetween : this.#isDefinition(line, index, head)
        if (isDefinition || !this.#language.continuation.test(head)) {
          while (open.length > 0 && level <= (open.at(-1)?.level ?? 0)) {
            const closed = open.at(-1)
            if (closed === undefined || (!isDefinition && !closed.hasBody && family === 'brackets')) break
            closed.end = end
            open.pop()
          }
        }
        if (isDefinition && open.length < MAX_NESTING) {
          const parent = open.at(-1)
          const definition: Open = {
            start: line.start,
            end: line.end,
            signature: signatureOf(head),
            parent,
            level,
            hasBody: false,
          }
          found.push(definition)
          open.push(definition)
        }
        const innermost = open.at(-1)
        const nextDepth = this.#lines[index + 1]?.depth ?? 0
        if (innermost !== undefined && (nextDepth > innermost.level || line.lastSign === ';' || line.lastSign === '}'))
          innermost.hasBody = true
        isBetween = line.lastSign === ';'
      }
      if (line.hasCode) end = line.end
    }
    for (const definition of open) definition.end = end
    return found
  }

  #roleOf(line: CodeLine, index: number): Role {
    const { family, continuation, lead } = this.#language
    const isTop = line.depth === 0 && !line.isInside && (family === 'brackets' || line.indent <= this.#margin)
    if (!isTop) return 'inner'
    if (!line.hasCode) return 'lead'
    const head = headOf(this.#text, line)
    if (this.#isDefinition(line, index, head)) {
      const before = this.#lines[index - 1]
      const isNamedAfterType = !this.#language.definition.test(head) && before !== undefined && this.#isType(before)
      return isNamedAfterType ? 'inner' : 'definition'
    }
    if (continuation.test(head)) return 'inner'
    return lead.test(head) ? 'lead' : 'statement'
  }

  /** Whether a line may be the type that the function below it answers with, as C is written. */
  #isType(line: CodeLine): boolean {
    return (
      line.depth === 0 && line.hasCode && !line.isInside && /^[A-Za-z_][\w<>,:*& ]*$/.test(headOf(this.#text, line))
    )
  }

  #isDefinition(line: CodeLine, index: number, head: string): boolean {
    if (line.isInside || !line.hasCode) return false
    if (this.#language.definition.test(head)) return true
    if (!this.#language.bareMethods) return false
    const bracket = head.indexOf('(')
    if (bracket <= 0) return false
    const next = this.#lines[index + 1]
    const opens =
      line.lastSign === '{' || (line.lastSign === ')' && next !== undefined && this.#text.charAt(next.start) === '{')
    if (!opens) return false
    const before = head.slice(0, bracket).trimEnd()
    const [first = ''] = /^[\w$#~]+/.exec(before) ?? []
    return first !== '' && !CONTROL.has(first) && /[\w$>~\]]$/.test(before) && /^[\w$~<>[\],?*&:#@\s]+$/.test(before)
  }
}

interface Open {
  readonly start: number
  end: number
  readonly signature: string
  readonly parent: Open | undefined
  readonly level: number
  /** Whether its body was opened: signatures may take several lines. */
  hasBody: boolean
}

/** What a line is to the blocks: `lead` belongs to what follows, `inner` to what stands before. */
type Role = 'inner' | 'lead' | 'definition' | 'statement'

class BlockBuilder {
  readonly #blocks: CodeSpan[]
  #start = 0
  #end = -1
  #isLead = false
  #isDefinition = false
  #hasOpened = false
  #isClosed = false
  #sawBlank = false

  constructor(blocks: CodeSpan[]) {
    this.#blocks = blocks
  }

  blank(): void {
    this.#sawBlank = true
  }

  add(line: CodeLine, role: Role, isOpen: boolean, endsStatement: boolean): void {
    if (this.#end === -1 || this.#begins(role)) {
      this.close()
      this.#start = line.start
      this.#isLead = role === 'lead'
      this.#isDefinition = role === 'definition'
    } else if (this.#isLead && role !== 'inner') {
      this.#isLead = role === 'lead'
      this.#isDefinition = role === 'definition'
    }
    this.#end = line.end
    this.#sawBlank = false
    if (isOpen) this.#hasOpened = true
    else if (line.hasCode && !this.#isLead && (this.#hasOpened || endsStatement)) this.#isClosed = true
  }

  close(): void {
    if (this.#end !== -1) this.#blocks.push({ start: this.#start, end: this.#end })
    this.#end = -1
    this.#isLead = false
    this.#isDefinition = false
    this.#hasOpened = false
    this.#isClosed = false
    this.#sawBlank = false
  }

  #begins(role: Role): boolean {
    if (role === 'inner') return false
    if (this.#sawBlank) return true
    if (this.#isLead) return false
    if (role === 'definition' || role === 'lead') return true
    return this.#isClosed && (this.#isDefinition || this.#hasOpened)
  }
}

function signatureOf(head: string): string {
  const [line = ''] = head.split('\n')
  return line
    .replace(/\s+/g, ' ')
    .replace(/ ?[{:;]$/, '')
    .trim()
}

/** Lines that close what is open: they belong to it. */
const CLOSER = /^(?:[)}\]]|(?:end|else|elif|elsif|catch|except|finally|rescue|ensure|fi|done|esac)\b|;;|`{3,}|~{3,})/
const COMMENT = /^(?:\/\/|\/\*|\*|#|--|@\w|"""|''')/

/**
 * The parts of a block that is too long to stay whole: groups between blank lines at the least indentation of its body, else
 * what begins at that indentation. One part where it has one line only.
 */
export function codeParts(text: string, span: CodeSpan): CodeSpan[] {
  const lines = linesIn(text, span)
  const base = lines[0]?.indent ?? 0
  let body = Infinity
  for (const { indent, isCloser } of lines) if (indent > base && indent < body && !isCloser) body = indent
  if (body === Infinity) body = base
  const begins = lines.map((line, index) => {
    const before = lines[index - 1]
    if (before === undefined || line.isCloser || line.indent > body) return false
    return line.afterBlank || !before.isComment
  })
  const hasGroups = lines.some((line, index) => begins[index] === true && line.afterBlank)
  const parts: { start: number; end: number }[] = []
  for (const [index, line] of lines.entries()) {
    const last = parts.at(-1)
    if (last === undefined || (begins[index] === true && (line.afterBlank || !hasGroups))) {
      parts.push({ start: line.start, end: line.end })
    } else last.end = line.end
  }
  return parts
}

interface Line extends CodeSpan {
  readonly indent: number
  readonly afterBlank: boolean
  readonly isCloser: boolean
  readonly isComment: boolean
}

function linesIn(text: string, span: CodeSpan): Line[] {
  const found: Line[] = []
  let lineStart = span.start
  while (lineStart > 0 && span.start - lineStart < 200 && text.charAt(lineStart - 1) !== '\n') lineStart--
  let afterBlank = false
  for (let from = lineStart; from < span.end;) {
    const newline = text.indexOf('\n', from)
    const stop = newline === -1 || newline > span.end ? span.end : newline
    const raw = text.slice(Math.max(from, span.start), stop)
    const words = raw.trim()
    if (words === '') afterBlank = true
    else {
      const start = Math.max(from, span.start) + raw.length - raw.trimStart().length
      found.push({
        start,
        end: start + words.length,
        indent: start - from,
        afterBlank,
        isCloser: CLOSER.test(words.slice(0, 20)),
        isComment: COMMENT.test(words.slice(0, 5)),
      })
      afterBlank = false
    }
    from = stop + 1
  }
  return found
}
