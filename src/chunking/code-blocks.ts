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
/** More are not listed: a text has at most 20,000 chunks that could stand under them. */
const MAX_DEFINITIONS = 50_000
const CONTROL = new Set(
  'if for while switch catch return else do try with new throw await yield case using lock foreach synchronized match loop unless when assert defer go select elif until not and or in'.split(
    ' ',
  ),
)
const PROCEDURE = /^create\b.{0,80}\b(?:procedure|function|trigger|package)\b/i

/** Blocks and definitions of a text of code, or of a part of it. */
export function codeOutline(text: string, language: CodeLanguage, part?: CodeSpan): CodeOutline {
  const lines = (): Iterable<CodeLine> => codeLines(text, part?.start ?? 0, part?.end ?? text.length, language)
  const reader = new OutlineReader(text, language, language.family === 'brackets' ? 0 : marginOf(lines()))
  let before: CodeLine | undefined
  let line: CodeLine | undefined
  for (const next of lines()) {
    if (line !== undefined) reader.add(line, before, next)
    before = line
    line = next
  }
  if (line !== undefined) reader.add(line, before, undefined)
  return reader.finish()
}

/** The least indentation of any line: a fenced block may be indented as a whole. */
function marginOf(lines: Iterable<CodeLine>): number {
  let margin = Infinity
  for (const line of lines) {
    if (line.end > line.start && !line.isInside && line.indent < margin) margin = line.indent
  }
  return margin
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

/** Takes the lines one by one, so that a long text is never held as lines. */
class OutlineReader {
  readonly #text: string
  readonly #language: CodeLanguage
  readonly #margin: number
  readonly #blocks: CodeSpan[] = []
  readonly #builder = new BlockBuilder(this.#blocks)
  #statement: Statement | undefined
  readonly #found: Open[] = []
  readonly #open: Open[] = []
  /** Of the code so far. */
  #end = 0
  #isBetween = true

  constructor(text: string, language: CodeLanguage, margin: number) {
    this.#text = text
    this.#language = language
    this.#margin = margin
  }

  /** `next` is undefined at the end. */
  add(line: CodeLine, before: CodeLine | undefined, next: CodeLine | undefined): void {
    const isStatements = this.#language.family === 'statements'
    if (line.end === line.start) {
      this.#builder.blank()
      if (this.#statement?.hasCode === false) this.#endStatement()
      return
    }
    const head = headOf(this.#text, line)
    const isDefinition = isStatements ? this.#isBetween : this.#isDefinition(line, next, head)
    if (isStatements) this.#addToStatement(line, head)
    else {
      const ends = line.lastSign === ';' || line.lastSign === '}'
      this.#builder.add(line, this.#roleOf(line, before, head, isDefinition), (next?.depth ?? 0) > 0, ends)
    }
    this.#addToDefinitions(line, next, head, isDefinition)
  }

  finish(): CodeOutline {
    this.#builder.close()
    this.#endStatement()
    for (const definition of this.#open) definition.end = this.#end
    return { blocks: this.#blocks, definitions: this.#found }
  }

  /** A statement begins with the comments above it. */
  #addToStatement(line: CodeLine, head: string): void {
    const open = (this.#statement ??= { start: line.start, end: 0, hasCode: false, head: '', isProcedure: false })
    open.end = line.end
    if (line.hasCode && open.head === '') open.head = head
    open.hasCode ||= line.hasCode
    open.isProcedure ||= PROCEDURE.test(open.head) && /\bbegin\b/i.test(head) && !line.isInside
    const isInProcedure = open.isProcedure && (!/^end\b/i.test(head) || line.indent > this.#margin)
    if (line.lastSign === ';' && !isInProcedure) this.#endStatement()
  }

  #endStatement(): void {
    if (this.#statement !== undefined) this.#blocks.push({ start: this.#statement.start, end: this.#statement.end })
    this.#statement = undefined
  }

  #addToDefinitions(line: CodeLine, next: CodeLine | undefined, head: string, isDefinition: boolean): void {
    const { family, continuation } = this.#language
    const open = this.#open
    if (!line.isInside && line.hasCode && (family !== 'indentation' || line.depth === 0)) {
      const level = family === 'brackets' ? line.depth : family === 'statements' ? 0 : line.indent
      if (isDefinition || !continuation.test(head)) {
        for (let last = open.at(-1); last !== undefined && level <= last.level; last = open.at(-1)) {
          if (!isDefinition && !last.hasBody && family === 'brackets') break
          last.end = this.#end
          open.pop()
        }
      }
      if (isDefinition && open.length < MAX_NESTING && this.#found.length < MAX_DEFINITIONS) {
        const { start, end } = line
        const made: Open = { start, end, signature: signatureOf(head), parent: open.at(-1), level, hasBody: false }
        this.#found.push(made)
        open.push(made)
      }
      const innermost = open.at(-1)
      const ends = line.lastSign === ';' || line.lastSign === '}'
      if (innermost !== undefined && (ends || (next?.depth ?? 0) > innermost.level)) innermost.hasBody = true
      this.#isBetween = line.lastSign === ';'
    }
    if (line.hasCode) this.#end = line.end
  }

  #roleOf(line: CodeLine, before: CodeLine | undefined, head: string, isDefinition: boolean): Role {
    const { family, continuation, definition, lead } = this.#language
    const isTop = line.depth === 0 && !line.isInside && (family === 'brackets' || line.indent <= this.#margin)
    if (!isTop) return 'inner'
    if (!line.hasCode) return 'lead'
    // In C the type that a function answers with may stand on the line above its name.
    if (isDefinition)
      return before !== undefined && !definition.test(head) && this.#isType(before) ? 'inner' : 'definition'
    if (continuation.test(head)) return 'inner'
    return lead.test(head) ? 'lead' : 'statement'
  }

  #isType(line: CodeLine): boolean {
    const isCode = line.depth === 0 && line.hasCode && !line.isInside
    return isCode && /^[A-Za-z_][\w<>,:*& ]*$/.test(headOf(this.#text, line))
  }

  #isDefinition(line: CodeLine, next: CodeLine | undefined, head: string): boolean {
    if (line.isInside || !line.hasCode) return false
    if (this.#language.definition.test(head)) return true
    const bracket = this.#language.bareMethods ? head.indexOf('(') : -1
    if (bracket <= 0) return false
    const isOpenedBelow = line.lastSign === ')' && next !== undefined && this.#text.charAt(next.start) === '{'
    if (line.lastSign !== '{' && !isOpenedBelow) return false
    const before = head.slice(0, bracket).trimEnd()
    const [first = ''] = /^[\w$#~]+/.exec(before) ?? []
    return first !== '' && !CONTROL.has(first) && /[\w$>~\]]$/.test(before) && /^[\w$~<>[\],?*&:#@\s]+$/.test(before)
  }
}

interface Statement {
  readonly start: number
  end: number
  hasCode: boolean
  /** Its first line of code. */
  head: string
  isProcedure: boolean
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
  let base: number | undefined
  let body = Infinity
  for (const { indent, isCloser } of linesIn(text, span)) {
    base ??= indent
    if (indent > base && indent < body && !isCloser) body = indent
  }
  if (body === Infinity) body = base ?? 0
  const groups: { start: number; end: number }[] = []
  const lines: { start: number; end: number }[] = []
  let before: Line | undefined
  for (const line of linesIn(text, span)) {
    const begins = !line.isCloser && line.indent <= body
    extend(groups, line, begins && line.afterBlank)
    extend(lines, line, begins && (line.afterBlank || before?.isComment !== true))
    before = line
  }
  return groups.length > 1 ? groups : lines
}

function extend(parts: { start: number; end: number }[], { start, end }: CodeSpan, begins: boolean): void {
  const last = parts.at(-1)
  if (last === undefined || begins) parts.push({ start, end })
  else last.end = end
}

interface Line extends CodeSpan {
  readonly indent: number
  readonly afterBlank: boolean
  readonly isCloser: boolean
  readonly isComment: boolean
}

function* linesIn(text: string, span: CodeSpan): Generator<Line> {
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
      yield {
        start,
        end: start + words.length,
        indent: start - from,
        afterBlank,
        isCloser: CLOSER.test(words.slice(0, 20)),
        isComment: COMMENT.test(words.slice(0, 5)),
      }
      afterBlank = false
    }
    from = stop + 1
  }
}
