/**
 * Writes text and outline from a stream of opened and closed elements and text. It keeps counters, not a stack, so that
 * missing and misplaced end tags cost nothing: an element that opens a block ends the block before it.
 */
import type { BlockKind, OutlineBlock } from '../../chunking/document-text.ts'

/** Elements that begin and end a paragraph. */
const BLOCKS = new Set(
  `address article aside blockquote body caption center details dialog div dl dt fieldset figcaption figure footer form header
  hgroup hr html legend main nav p search section summary`.split(/\s+/),
)
const HEADING = /^h[1-6]$/
/** Deeper lists are not indented further. */
const MAX_INDENTATION = 8

/** So many pieces of text are kept apart before the first of them become one. */
const MAX_PARTS = 4_096

export class TextWriter {
  /** What cannot be taken back any more, in few pieces: texts of entities alone would be millions. */
  readonly #settled: string[] = []
  readonly #parts: string[] = []
  #length = 0
  readonly #outline: OutlineBlock[] = []
  #block: { kind: BlockKind; start: number; level?: number } | undefined
  /** White space owed before the next text: nothing, a space, a tab, or line feeds. */
  #gap = ''
  #listDepth = 0
  #tableDepth = 0
  #preDepth = 0
  /** Items stand without a list around them. */
  #isImplicitList = false
  #isItemClosed = false
  /** A table that holds headings or tables lays out a page; its cells are read as blocks. */
  #isLayoutTable = false
  #cellsInRow = 0
  /** A list mark or a verbatim line feed stands directly before. */
  #afterMark = false
  #startOfPre = false

  text(text: string): void {
    if (this.#preDepth > 0) this.#verbatim(text)
    else this.#collapsed(text)
  }

  open(name: string): void {
    if (HEADING.test(name)) this.#openHeading(Number(name.slice(1)))
    else if (name === 'br' || name === 'dd') this.#lineBreak()
    else if (name === 'ul' || name === 'ol' || name === 'menu') this.#openList()
    else if (name === 'li') this.#openItem()
    else if (name === 'table') this.#openTable()
    else if (name === 'tr') this.#openRow()
    else if (name === 'td' || name === 'th') this.#openCell()
    else if (name === 'pre' || name === 'listing' || name === 'xmp') this.#openPre()
    else if (name === 'img' || name === 'input') this.#owe(' ')
    else if (BLOCKS.has(name)) this.separate(name)
  }

  close(name: string): void {
    if (HEADING.test(name)) {
      if (this.#block?.kind === 'heading') this.#endBlock()
    } else if (name === 'ul' || name === 'ol' || name === 'menu') {
      this.#listDepth = Math.max(0, this.#listDepth - 1)
      if (this.#listDepth === 0 && this.#block?.kind === 'list') this.#endBlock()
      else this.#owe('\n')
    } else if (name === 'li') {
      this.#isItemClosed = true
      this.#owe('\n')
    } else if (name === 'tr') this.#owe('\n')
    else if (name === 'table') this.#closeTable()
    else if (name === 'pre' || name === 'listing' || name === 'xmp') {
      this.#preDepth = Math.max(0, this.#preDepth - 1)
      if (this.#preDepth === 0 && this.#block?.kind === 'code') this.#endBlock()
      else this.#owe('\n')
    } else if (BLOCKS.has(name)) this.separate(name)
  }

  /** Ends what a block element ends: the paragraph, or the line inside a list, or nothing but a word inside a cell. */
  separate(name: string): void {
    // Items without a list end with the first block after one.
    if (this.#isImplicitList && this.#isItemClosed) this.#listDepth = 0
    if (!BLOCKS.has(name)) this.#owe(' ')
    else if (this.#inCell()) this.#owe(' ')
    else if (this.#preDepth > 0) this.#owe('\n')
    else if (this.#listDepth > 0 && this.#block?.kind === 'list') this.#owe('\n')
    else this.#endBlock()
  }

  finish(): { text: string; outline: OutlineBlock[] } {
    this.#endBlock()
    return { text: [...this.#settled, ...this.#parts].join(''), outline: this.#outline }
  }

  #inCell(): boolean {
    return this.#tableDepth > 0 && !this.#isLayoutTable
  }

  /** Owes white space; what parts more wins: line feed over tab over space. */
  #owe(gap: '\n' | '\t' | ' '): void {
    const rank = ' \t\n'
    if (this.#gap === '' || rank.indexOf(gap) > rank.indexOf(this.#gap)) this.#gap = gap
  }

  #write(text: string): void {
    if (this.#parts.length === MAX_PARTS) this.#settled.push(this.#parts.splice(0, MAX_PARTS / 2).join(''))
    this.#parts.push(text)
    this.#length += text.length
  }

  /** Makes sure that a block is open and writes the white space owed inside it. */
  #prepare(): void {
    if (this.#block === undefined) {
      if (this.#length > 0) this.#write('\n\n')
      const kind: BlockKind =
        this.#preDepth > 0 ? 'code' : this.#inCell() ? 'table' : this.#listDepth > 0 ? 'list' : 'paragraph'
      this.#block = { kind, start: this.#length }
    } else if (this.#gap !== '' && !this.#afterMark && this.#length > this.#block.start) {
      this.#write(this.#gap === '\n' && this.#block.kind === 'list' ? `\n${this.#indentation()}` : this.#gap)
    }
    this.#gap = ''
    this.#afterMark = false
  }

  #indentation(): string {
    return '  '.repeat(Math.min(MAX_INDENTATION, Math.max(0, this.#listDepth)))
  }

  #endBlock(): void {
    const block = this.#block
    this.#block = undefined
    this.#gap = ''
    this.#afterMark = false
    if (block === undefined) return
    this.#trimEnd(block.start)
    if (this.#length > block.start) {
      const { kind, start, level } = block
      this.#outline.push({ start, end: this.#length, kind, ...(level === undefined ? {} : { level }) })
    }
  }

  /** Takes white space and lone list marks back from the end of what was written since `start`. */
  #trimEnd(start: number): void {
    while (this.#length > start) {
      const last = this.#parts.pop() ?? this.#settled.pop() ?? ''
      this.#length -= last.length
      const kept = last.trimEnd()
      if (kept === '' || (kept === '-' && last === LIST_MARK)) continue
      this.#write(kept)
      return
    }
    // Nothing is left of the block: the blank line before it goes too.
    if (this.#parts.at(-1) === '\n\n') {
      this.#parts.pop()
      this.#length -= 2
    }
  }

  #collapsed(raw: string): void {
    const text = raw.replace(/[\s\u00a0]+/g, ' ')
    if (text === '') return
    if (text === ' ') {
      this.#owe(' ')
      return
    }
    if (text.startsWith(' ')) this.#owe(' ')
    this.#prepare()
    this.#write(text.trim())
    if (text.endsWith(' ')) this.#owe(' ')
  }

  #verbatim(raw: string): void {
    const text = this.#startOfPre && raw.startsWith('\n') ? raw.slice(1) : raw
    this.#startOfPre = false
    if (text === '') return
    if (this.#block === undefined && text.trim() === '') return
    this.#prepare()
    this.#write(this.#inCell() ? text.replace(/\s+/g, ' ') : text.replaceAll('\u00a0', ' '))
  }

  #lineBreak(): void {
    if (this.#inCell() || this.#block?.kind === 'heading') this.#owe(' ')
    else if (this.#preDepth > 0) this.#verbatim('\n')
    else this.#owe('\n')
  }

  #openHeading(level: number): void {
    if (this.#tableDepth > 0) this.#isLayoutTable = true
    this.#listDepth = 0
    this.#endBlock()
    if (this.#length > 0) this.#write('\n\n')
    this.#block = { kind: 'heading', start: this.#length, level }
  }

  #openList(): void {
    if (this.#inCell()) this.#owe(' ')
    else if (this.#listDepth === 0) this.#endBlock()
    else this.#owe('\n')
    if (this.#listDepth === 0) this.#isImplicitList = false
    this.#listDepth++
  }

  #openItem(): void {
    if (this.#inCell()) {
      this.#owe(' ')
      return
    }
    if (this.#listDepth === 0) {
      this.#listDepth = 1
      this.#isImplicitList = true
    }
    this.#isItemClosed = false
    if (this.#block !== undefined && this.#block.kind !== 'list') this.#endBlock()
    if (this.#block === undefined) {
      if (this.#length > 0) this.#write('\n\n')
      this.#block = { kind: 'list', start: this.#length }
    } else if (this.#afterMark) {
      // An item that begins with a list: its own mark stands for both.
      return
    } else this.#write(`\n${'  '.repeat(Math.min(MAX_INDENTATION, this.#listDepth - 1))}`)
    this.#write(LIST_MARK)
    this.#gap = ''
    this.#afterMark = true
  }

  #openTable(): void {
    if (this.#tableDepth > 0) this.#isLayoutTable = true
    this.#tableDepth++
    if (this.#listDepth > 0 && this.#block?.kind === 'list') this.#owe('\n')
    else this.#endBlock()
    this.#cellsInRow = 0
  }

  #closeTable(): void {
    this.#tableDepth = Math.max(0, this.#tableDepth - 1)
    if (this.#listDepth > 0 && this.#block?.kind === 'list') this.#owe('\n')
    else this.#endBlock()
    if (this.#tableDepth === 0) this.#isLayoutTable = false
  }

  #openRow(): void {
    this.#cellsInRow = 0
    if (this.#inCell()) this.#owe('\n')
    else this.separate('div')
  }

  #openCell(): void {
    if (!this.#inCell()) {
      this.separate('div')
      return
    }
    if (this.#cellsInRow > 0) this.#owe('\t')
    this.#cellsInRow++
  }

  #openPre(): void {
    if (!this.#inCell() && this.#preDepth === 0) {
      if (this.#listDepth > 0 && this.#block?.kind === 'list') this.#owe('\n')
      else this.#endBlock()
    }
    this.#preDepth++
    this.#startOfPre = true
  }
}

const LIST_MARK = '- '
