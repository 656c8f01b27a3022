/**
 * Where do the blocks of a Markdown text lie? A line scanner for the block structure of CommonMark and GFM tables, top level
 * only: exact offsets, one pass, O(length) whatever the nesting. It does not read inline syntax and makes no HTML; a general
 * parser recurses into quotations and lists, which a hostile text can make deep.
 */
import type { OutlineBlock } from './document-text.ts'

const ATX_HEADING = /^ {0,3}(#{1,6})(?:[ \t]|$)/
const SETEXT_UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*$/
const FENCE = /^[ \t]*(`{3,}|~{3,})(.*)$/
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)/
const THEMATIC_BREAK = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/
const TABLE_DELIMITER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/
/** HTML up to the next blank line (CommonMark's kind 6) or up to an end of its own (kinds 1 and 2). */
const HTML_BLOCK =
  /^ {0,3}<\/?(?:address|article|aside|blockquote|body|center|details|dialog|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr|html|iframe|li|main|menu|nav|ol|p|section|summary|table|tbody|td|tfoot|th|thead|tr|ul)(?=[\s/>]|$)/i
const HTML_WITH_END = /^ {0,3}<(!--|pre|script|style|textarea)(?=[\s>]|--|$)/i
/** Longer lines are paragraphs whatever they begin with; it bounds every pattern above. */
const MAX_STRUCTURE_LINE = 1_000
/** A block of metadata between `---` lines at the very beginning may be this many lines long. */
const MAX_FRONT_MATTER_LINES = 200

type OpenKind = 'paragraph' | 'list' | 'table' | 'code' | 'fence' | 'html'

/** Blocks that may go on after a blank line; the next line tells. */
const CONTINUED: ReadonlySet<OpenKind> = new Set(['list', 'code', 'fence'])

interface OpenBlock {
  readonly kind: OpenKind
  readonly start: number
  /** End of the last line that is not blank. */
  end: number
  lines: number
}

class Scanner {
  readonly blocks: OutlineBlock[] = []
  readonly #text: string
  #open: OpenBlock | undefined
  /** The fence that a code block, on its own or inside a list item, waits for. */
  #fence: string | undefined
  /** What ends the HTML that is open, where a blank line does not. */
  #htmlEnd: string | undefined
  #blankBefore = false

  constructor(text: string) {
    this.#text = text
  }

  scan(from: number): void {
    let start = from
    while (start < this.#text.length) {
      const newline = this.#text.indexOf('\n', start)
      const end = newline === -1 ? this.#text.length : newline
      this.#line(start, end)
      start = end + 1
    }
    this.#close()
  }

  #close(): void {
    const open = this.#open
    if (open !== undefined) {
      const kind = open.kind === 'fence' ? 'code' : open.kind === 'html' ? 'paragraph' : open.kind
      this.blocks.push({ start: open.start, end: open.end, kind })
    }
    this.#open = undefined
    this.#fence = undefined
    this.#htmlEnd = undefined
  }

  #begin(kind: OpenKind, start: number, end: number): void {
    this.#close()
    this.#open = { kind, start, end, lines: 1 }
  }

  #extend(end: number): void {
    if (this.#open === undefined) return
    this.#open.end = end
    this.#open.lines++
  }

  #line(start: number, end: number): void {
    const long = end - start > MAX_STRUCTURE_LINE
    const line = this.#text.slice(start, long ? start + MAX_STRUCTURE_LINE : end)
    const blankBefore = this.#blankBefore
    this.#blankBefore = line.trim() === '' && !long
    if (this.#fence !== undefined) return this.#insideFence(line, end)
    if (this.#htmlEnd !== undefined) return this.#insideHtml(line, end)
    if (this.#blankBefore) {
      if (this.#open !== undefined && !CONTINUED.has(this.#open.kind)) this.#close()
      return
    }
    const kind = this.#open?.kind
    if (kind === 'html') return this.#extend(end)
    if (kind === 'list') {
      const indented = /^(?: {2,}|\t)/.test(line)
      if (this.#opensFence(line) && indented) return this.#extend(end)
      if (LIST_ITEM.test(line) && !THEMATIC_BREAK.test(line)) return this.#extend(end)
      if (indented) return this.#extend(end)
      this.#fence = undefined
      if (!blankBefore && !this.#startsBlock(line)) return this.#extend(end)
    } else if (kind === 'code') {
      if (/^(?: {4}|\t)/.test(line)) return this.#extend(end)
    }
    this.#outsideFence(line, start, end, long)
  }

  #insideHtml(line: string, end: number): void {
    if (line.trim() !== '') this.#extend(end)
    if (line.toLowerCase().includes(this.#htmlEnd ?? '')) this.#close()
  }

  #insideFence(line: string, end: number): void {
    const fence = this.#fence ?? ''
    if (line.trim() !== '' || this.#open?.kind === 'fence') this.#extend(end)
    const closing = FENCE.exec(line)
    if (closing === null || !(closing[1] ?? '').startsWith(fence) || (closing[2] ?? '').trim() !== '') return
    this.#fence = undefined
    if (this.#open?.kind === 'fence') this.#close()
  }

  /** Remembers the fence that the line opens, if it does. */
  #opensFence(line: string): boolean {
    const fence = FENCE.exec(line)
    const [, marks = '', info = ''] = fence ?? []
    if (fence === null || (marks.startsWith('`') && info.includes('`'))) return false
    this.#fence = marks
    return true
  }

  #startsBlock(line: string): boolean {
    return ATX_HEADING.test(line) || THEMATIC_BREAK.test(line) || (/^ {0,3}[`~]/.test(line) && FENCE.test(line))
  }

  #outsideFence(line: string, start: number, end: number, long: boolean): void {
    const open = this.#open
    const heading = ATX_HEADING.exec(line)
    if (heading !== null && !long) {
      this.#close()
      this.blocks.push({ start, end, kind: 'heading', level: (heading[1] ?? '#').length })
      return
    }
    // Longer paragraphs above a row of dashes are text, whatever the specification says.
    if (open?.kind === 'paragraph' && open.lines <= 2 && SETEXT_UNDERLINE.test(line) && !long) {
      this.#open = undefined
      this.blocks.push({ start: open.start, end, kind: 'heading', level: line.includes('=') ? 1 : 2 })
      return
    }
    if (/^ {0,3}[`~]/.test(line) && this.#opensFence(line)) {
      const fence = this.#fence
      this.#begin('fence', start, end)
      this.#fence = fence
      return
    }
    const html = HTML_WITH_END.exec(line)?.[1]?.toLowerCase()
    if (html !== undefined || HTML_BLOCK.test(line)) {
      this.#begin('html', start, end)
      const htmlEnd = html === '!--' ? '-->' : `</${html}>`
      if (html !== undefined && !line.toLowerCase().includes(htmlEnd)) this.#htmlEnd = htmlEnd
      else if (html !== undefined) this.#close()
      return
    }
    if (open?.kind === 'paragraph' && open.lines === 1 && this.#isTableHead(line, open)) {
      this.#open = { ...open, kind: 'table', end, lines: 2 }
      return
    }
    if (open?.kind === 'table') return this.#extend(end)
    if (
      LIST_ITEM.test(line) &&
      !THEMATIC_BREAK.test(line) &&
      (open?.kind !== 'paragraph' || !/^ *\d/.test(line) || /^ *1[.)]/.test(line))
    ) {
      return this.#begin('list', start, end)
    }
    if (open?.kind === 'paragraph') return this.#extend(end)
    if (/^(?: {4}|\t)/.test(line)) return this.#begin('code', start, end)
    this.#begin('paragraph', start, end)
  }

  #isTableHead(delimiter: string, head: OpenBlock): boolean {
    return isTableDelimiter(delimiter) && this.#text.slice(head.start, head.end).includes('|')
  }
}

/** Whether a line is the one below a table's header. */
export function isTableDelimiter(line: string): boolean {
  return line.includes('-') && line.includes('|') && TABLE_DELIMITER.test(line)
}

/** Where the text goes on after metadata between `---` lines at its beginning; 0 without them. */
function frontMatterEnd(text: string): number {
  if (!/^---[ \t]*\n(?=[A-Za-z_][\w-]*:)/.test(text)) return 0
  let at = text.indexOf('\n') + 1
  for (let line = 0; line < MAX_FRONT_MATTER_LINES; line++) {
    const newline = text.indexOf('\n', at)
    const end = newline === -1 ? text.length : newline
    if (/^(?:---|\.\.\.)[ \t]*$/.test(text.slice(at, Math.min(end, at + 10)))) return end
    if (newline === -1) return 0
    at = newline + 1
  }
  return 0
}

/** Lists the top-level blocks in order; together they cover all but white space. Line ends must be LF. O(length). */
export function markdownBlocks(text: string): OutlineBlock[] {
  const scanner = new Scanner(text)
  const from = frontMatterEnd(text)
  if (from > 0) scanner.blocks.push({ start: 0, end: from, kind: 'code' })
  scanner.scan(from)
  return scanner.blocks
}

/** The words of a heading line: without marks of headings, links, emphasis, code and HTML. */
export function headingText(raw: string): string {
  return raw
    .slice(0, 2 * MAX_STRUCTURE_LINE)
    .replace(/\n {0,3}(?:=+|-+)[ \t]*$/, '')
    .replace(/^ {0,3}#{1,6}(?=[ \t]|$)/, '')
    .replace(/[ \t]#+[ \t]*$/, '')
    .replace(/\{#[\w-]+\}[ \t]*$/, '')
    .replace(/!?\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/g, '$1')
    .replace(/<[^<>]{1,200}>/g, '')
    .replace(/(\*\*|__|~~|`+)/g, '')
    .replace(/(^|[\s(])[*_](\S(?:[^*_]*\S)?)[*_](?=$|[\s.,:;!?)])/g, '$1$2')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
}
