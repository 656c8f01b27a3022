/** Collects the texts of a slide's shapes (DrawingML), because the title may stand anywhere among them. */
import { attributeOf, type XmlAttributes, type XmlEvents } from '../container/xml-reader.ts'
import type { TextWriter } from '../html/text-writer.ts'
import type { ParseBudget } from '../parse-budget.ts'

export interface ShapeParagraph {
  text: string
  /** From 0; `undefined`: no item of a list. */
  level: number | undefined
}

export interface Shape {
  kind: 'title' | 'text' | 'table'
  readonly paragraphs: ShapeParagraph[]
  readonly rows: string[][]
}

/** What the margins of every slide repeat. */
const MARGINS = new Set(['dt', 'ftr', 'hdr', 'sldNum', 'sldImg'])
const TITLES = new Set(['title', 'ctrTitle'])

/** What a paragraph, row or cell costs in memory beside its text. */
const PARAGRAPH_BYTES = 100

export type ShapeSource = 'slide' | 'notes' | 'diagram'

export class ShapeReader implements XmlEvents {
  readonly #budget: ParseBudget
  readonly #source: ShapeSource
  readonly #shapes: Shape[] = []
  #shape: Shape | undefined
  #placeholder: string | undefined
  #paragraph: ShapeParagraph | undefined
  #isText = false
  #skipped = 0

  constructor(budget: ParseBudget, source: ShapeSource = 'slide') {
    this.#budget = budget
    this.#source = source
  }

  open(name: string, attributes: XmlAttributes): void {
    if (this.#skipped > 0 || name === 'Fallback') {
      this.#skipped++
      return
    }
    if (name === 'p' || name === 'tr' || name === 'tc') this.#budget.hold(PARAGRAPH_BYTES)
    if (name === 'sp') this.#shape = { kind: 'text', paragraphs: [], rows: [] }
    else if (name === 'ph') this.#openPlaceholder(attributes)
    else if (name === 'tbl') this.#shape = { kind: 'table', paragraphs: [], rows: [] }
    else if (name === 'tr') this.#shape?.rows.push([])
    else if (name === 'tc') this.#shape?.rows.at(-1)?.push('')
    else if (name === 'pt' && this.#source === 'diagram') this.#shape = { kind: 'text', paragraphs: [], rows: [] }
    else if (name === 'p') this.#paragraph = { text: '', level: this.#placeholder === 'body' ? 0 : undefined }
    else if (name === 't') this.#isText = true
    else if (name === 'br') this.#add(' ')
    else this.#property(name, attributes)
  }

  close(name: string): void {
    if (this.#skipped > 0) {
      this.#skipped--
      return
    }
    if (name === 't') this.#isText = false
    else if (name === 'p') this.#closeParagraph()
    else if (name === 'sp' || name === 'tbl' || (name === 'pt' && this.#source === 'diagram')) this.#closeShape()
  }

  text(text: string): void {
    if (this.#skipped === 0 && this.#isText) this.#add(text)
  }

  /** The shapes that say something, titles first. */
  finish(): readonly Shape[] {
    const shapes = this.#shapes.filter(({ paragraphs, rows }) => paragraphs.length > 0 || rows.length > 0)
    return [...shapes.filter(({ kind }) => kind === 'title'), ...shapes.filter(({ kind }) => kind !== 'title')]
  }

  #openPlaceholder(attributes: XmlAttributes): void {
    // Without a type it is the place for any content, which is a list like the body.
    const type = attributeOf(attributes, 'type') ?? 'body'
    if (this.#shape === undefined) return
    this.#placeholder = type === 'obj' ? 'body' : type
    if (TITLES.has(type)) this.#shape.kind = 'title'
    // On a page of notes, only the body is by the speaker.
    if (MARGINS.has(type) || (this.#source === 'notes' && type !== 'body')) this.#shape = undefined
    if (this.#source === 'notes') this.#placeholder = undefined
  }

  #property(name: string, attributes: XmlAttributes): void {
    if (this.#paragraph === undefined) return
    if (name === 'pPr') {
      const level = Number(attributes['lvl'] ?? 0)
      if (this.#paragraph.level !== undefined || level > 0) this.#paragraph.level = level
    } else if (name === 'buNone') this.#paragraph.level = undefined
    else if (name === 'buChar' || name === 'buAutoNum' || name === 'buBlip') this.#paragraph.level ??= 0
  }

  #add(text: string): void {
    if (this.#paragraph === undefined) return
    this.#budget.hold(text.length * 2)
    this.#paragraph.text += text
  }

  #closeParagraph(): void {
    const paragraph = this.#paragraph
    this.#paragraph = undefined
    if (paragraph === undefined || this.#shape === undefined || paragraph.text.trim() === '') return
    const row = this.#shape.rows.at(-1)
    if (this.#shape.kind === 'table' && row !== undefined && row.length > 0) {
      row[row.length - 1] = `${row.at(-1) ?? ''} ${paragraph.text}`
    } else this.#shape.paragraphs.push(paragraph)
  }

  #closeShape(): void {
    if (this.#shape !== undefined) this.#shapes.push(this.#shape)
    this.#shape = undefined
    this.#placeholder = undefined
  }
}

export function writeShapes(writer: TextWriter, shapes: readonly Shape[]): void {
  for (const { kind, paragraphs, rows } of shapes) {
    if (kind === 'title') {
      writer.open('h1')
      writer.text(paragraphs.map(({ text }) => text).join(' '))
      writer.close('h1')
    } else if (kind === 'table') writeTable(writer, rows)
    else writeParagraphs(writer, paragraphs)
  }
}

function writeTable(writer: TextWriter, rows: readonly (readonly string[])[]): void {
  writer.open('table')
  for (const row of rows) {
    writer.open('tr')
    for (const cell of row) {
      writer.open('td')
      writer.text(cell)
      writer.close('td')
    }
    writer.close('tr')
  }
  writer.close('table')
}

function writeParagraphs(writer: TextWriter, paragraphs: readonly ShapeParagraph[]): void {
  // One item alone is no list.
  const isList = paragraphs.length > 1
  let depth = 0
  const closeTo = (wanted: number): void => {
    for (; depth > wanted; depth--) writer.close('ul')
  }
  for (const { text, level } of paragraphs) {
    const wanted = isList && level !== undefined ? Math.min(9, Math.max(0, level)) + 1 : 0
    closeTo(wanted)
    for (; depth < wanted; depth++) writer.open('ul')
    const element = wanted > 0 ? 'li' : 'p'
    writer.open(element)
    writer.text(text)
    writer.close(element)
  }
  closeTo(0)
}
