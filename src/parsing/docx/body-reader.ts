/** Turns the XML of a Word document's body, or of its notes, into what a text writer is told. */
import { attributeOf, type XmlAttributes, type XmlEvents } from '../container/xml-reader.ts'
import type { TextWriter } from '../html/text-writer.ts'
import type { ParseBudget } from '../parse-budget.ts'
import { headingLevel, type ParagraphStyle } from './styles.ts'

/** Elements whose content nobody reads: deletions and former properties, field codes, furigana, a drawing's copy for old programs. */
const SKIPPED = new Set('del moveFrom instrText delText delInstrText Fallback rt pPrChange rPrChange sectPr'.split(' '))

/** Gives the notes of a document numbers in the order in which its text refers to them. */
export class NoteNumbers {
  readonly #numbers = new Map<string, number>()

  refer(kind: NoteKind, id: string): number {
    const key = `${kind} ${id}`
    const number = this.#numbers.get(key) ?? this.#numbers.size + 1
    this.#numbers.set(key, number)
    return number
  }

  /** `undefined` for a note that nothing refers to, such as the line above all notes. */
  find(kind: NoteKind, id: string): number | undefined {
    return this.#numbers.get(`${kind} ${id}`)
  }
}

export type NoteKind = 'footnotes' | 'endnotes'

interface Paragraph {
  style: ParagraphStyle
  heading: number | undefined
  /** `undefined`: as the style says; -1: none. */
  listLevel: number | undefined
  isNumbered: boolean | undefined
  isOpen: boolean
  /** Element that was opened for it. */
  element: string
}

/** What a paragraph costs in memory beside its text. */
const PARAGRAPH_BYTES = 100
const NO_STYLE: ParagraphStyle = {}

export class BodyReader implements XmlEvents {
  readonly #writer: TextWriter
  readonly #styles: ReadonlyMap<string, ParagraphStyle>
  readonly #budget: ParseBudget
  readonly #notes: NoteNumbers
  readonly #kind: NoteKind | undefined
  /** Text boxes put paragraphs inside of paragraphs. */
  readonly #paragraphs: Paragraph[] = []
  #listDepth = 0
  #skipped = 0
  #isHidden = false
  #isText = false
  #inRunProperties = false
  /** Mark that stands before the next text of a note. */
  #noteMark = ''
  #title = ''
  #hasTitle = false
  isDocument = false

  constructor(
    writer: TextWriter,
    styles: ReadonlyMap<string, ParagraphStyle>,
    budget: ParseBudget,
    notes: NoteNumbers,
    kind?: NoteKind,
  ) {
    this.#writer = writer
    this.#styles = styles
    this.#budget = budget
    this.#notes = notes
    this.#kind = kind
  }

  /** Of the first paragraph that has the style of a title. */
  get title(): string | undefined {
    const title = this.#title.replace(/\s+/g, ' ').trim()
    return title === '' ? undefined : title
  }

  open(name: string, attributes: XmlAttributes): void {
    if (this.#skipped > 0 || SKIPPED.has(name)) {
      this.#skipped++
      return
    }
    if (name === 't') this.#isText = true
    else if (name === 'p') this.#openParagraph()
    else if (name === 'r') this.#isHidden = false
    else if (name === 'rPr') this.#inRunProperties = true
    else if (name === 'tbl') {
      this.#closeLists(0)
      this.#writer.open('table')
    } else if (name === 'tr' || name === 'tc') this.#writer.open(name === 'tr' ? 'tr' : 'td')
    else if (name === 'document') this.isDocument = true
    else if (name === 'footnote' || name === 'endnote') this.#openNote(attributeOf(attributes, 'id'))
    else if (name === 'footnoteReference' || name === 'endnoteReference') {
      const kind = name === 'footnoteReference' ? 'footnotes' : 'endnotes'
      this.#write(`[${String(this.#notes.refer(kind, attributeOf(attributes, 'id') ?? ''))}]`)
    } else if (name === 'br' || name === 'cr') this.#writer.open('br')
    else if (name === 'tab') this.#openTab(attributes)
    else if (name === 'noBreakHyphen') this.#write('-')
    else this.#property(name, attributeOf(attributes, 'val'))
  }

  close(name: string): void {
    if (this.#skipped > 0) {
      this.#skipped--
      return
    }
    if (name === 't') this.#isText = false
    else if (name === 'p') this.#closeParagraph()
    else if (name === 'r') this.#isHidden = false
    else if (name === 'rPr') this.#inRunProperties = false
    else if (name === 'tbl') {
      this.#closeLists(0)
      this.#writer.close('table')
    } else if (name === 'tr' || name === 'tc') {
      this.#closeLists(0)
      this.#writer.close(name === 'tr' ? 'tr' : 'td')
    } else if (name === 'body' || name === 'footnote' || name === 'endnote') this.#closeLists(0)
  }

  text(text: string): void {
    if (this.#skipped === 0 && this.#isText) this.#write(text)
  }

  #write(text: string): void {
    const paragraph = this.#paragraphs.at(-1)
    if (paragraph === undefined || this.#isHidden || paragraph.style.isContents === true) return
    this.#begin(paragraph)
    this.#budget.hold(text.length * 2)
    if (this.#noteMark !== '') {
      this.#writer.text(`${this.#noteMark} `)
      this.#noteMark = ''
    }
    if (paragraph.style.isTitle === true && !this.#hasTitle) this.#title += text
    this.#writer.text(text)
  }

  #openParagraph(): void {
    this.#paragraphs.push({
      style: NO_STYLE,
      heading: undefined,
      listLevel: undefined,
      isNumbered: undefined,
      isOpen: false,
      element: 'p',
    })
  }

  /** Properties stand before the text, so that at the first text it is known what kind of paragraph it is. */
  #begin(paragraph: Paragraph): void {
    if (paragraph.isOpen) return
    paragraph.isOpen = true
    this.#budget.hold(PARAGRAPH_BYTES)
    const { style, heading = style.heading ?? 0, isNumbered = style.listLevel !== undefined } = paragraph
    if (heading > 0) {
      this.#closeLists(0)
      paragraph.element = `h${String(heading)}`
    } else if (isNumbered) {
      const depth = Math.min(9, Math.max(0, paragraph.listLevel ?? style.listLevel ?? 0)) + 1
      this.#closeLists(depth)
      while (this.#listDepth < depth) {
        this.#writer.open('ul')
        this.#listDepth++
      }
      paragraph.element = 'li'
    } else this.#closeLists(0)
    this.#writer.open(paragraph.element)
  }

  #closeParagraph(): void {
    const paragraph = this.#paragraphs.pop()
    if (paragraph?.isOpen !== true) return
    this.#writer.close(paragraph.element)
    // Only the first paragraph of that style is the title.
    if (paragraph.style.isTitle === true) this.#hasTitle = true
  }

  #closeLists(depth: number): void {
    while (this.#listDepth > depth) {
      this.#writer.close('ul')
      this.#listDepth--
    }
  }

  #openNote(id: string | undefined): void {
    const number = this.#kind === undefined || id === undefined ? undefined : this.#notes.find(this.#kind, id)
    if (number === undefined) this.#skipped = 1
    else this.#noteMark = `[${String(number)}]`
  }

  /** Between words, or as a stop of the paragraph's ruler, which is a property. */
  #openTab(attributes: XmlAttributes): void {
    if (attributeOf(attributes, 'pos') === undefined) this.#writer.text(' ')
  }

  #property(name: string, value: string | undefined): void {
    if (name === 'vanish') {
      if (this.#inRunProperties && value !== '0' && value !== 'false') this.#isHidden = true
      return
    }
    const paragraph = this.#paragraphs.at(-1)
    if (paragraph === undefined || paragraph.isOpen || value === undefined) return
    if (name === 'pStyle') paragraph.style = this.#styles.get(value) ?? NO_STYLE
    else if (name === 'outlineLvl') paragraph.heading = headingLevel(Number(value))
    else if (name === 'numId') paragraph.isNumbered = value !== '0'
    else if (name === 'ilvl') paragraph.listLevel = Number(value)
  }
}
