/** Reads the rows of a sheet as they arrive. Empty cells are not kept, so a sheet of 16,384 columns costs what it holds. */
import { MAX_RECORD_BYTES } from '../../core/limits.ts'
import type { XmlAttributes, XmlEvents } from '../container/xml-reader.ts'
import { FileFault } from '../file-fault.ts'
import type { ParseBudget } from '../parse-budget.ts'
import { formatNumber } from './cell-format.ts'
import type { Workbook } from './workbook.ts'

export interface Cell {
  /** From 0. */
  readonly column: number
  /** On one line, never empty. */
  readonly text: string
  /** As metadata has it: numbers and truth values are such. */
  readonly value: string | number | boolean
  /** Written as text, as headers are. */
  readonly isText: boolean
}

export interface Row {
  /** From 1, as the file counts. */
  readonly number: number
  /** Ascending columns. */
  readonly cells: readonly Cell[]
}

/** A merged range of several rows: what its first cell says holds for all of them. Columns from 0, rows from 1. */
export interface Merge {
  readonly column: number
  readonly firstRow: number
  readonly lastRow: number
}

export const MAX_COLUMNS = 16_384
const MAX_ROWS = 1_048_576
/** Longer ones count as expanded in each cell that shares them. */
const LONG_STRING = 1_000
/** Columns with a merged range that goes on; the other ranges are read as they stand. */
const MAX_CARRIED = 256

export class SheetReader implements XmlEvents {
  readonly #workbook: Workbook
  readonly #budget: ParseBudget
  /** By the row in which they begin. */
  readonly #merges: ReadonlyMap<number, readonly Merge[]>
  /** Values of merged ranges that go on, by column. */
  readonly #carried = new Map<number, { readonly cell: Cell; readonly lastRow: number }>()
  #rows: Row[] = []
  #number = 0
  #cells: Cell[] = []
  #size = 0
  #column = -1
  #type = ''
  #style = 0
  #parts: string[] = []
  #isValue = false
  #isPhonetic = false
  isSheet = false

  constructor(workbook: Workbook, merges: readonly Merge[], budget: ParseBudget) {
    this.#workbook = workbook
    this.#budget = budget
    this.#merges = Map.groupBy(merges, ({ firstRow }) => firstRow)
  }

  /** The rows read since the last call, without empty ones. */
  take(): readonly Row[] {
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  open(name: string, attributes: XmlAttributes): void {
    if (name === 'c') this.#openCell(attributes)
    else if (name === 'v') this.#isValue = true
    else if (name === 't') this.#isValue = !this.#isPhonetic
    else if (name === 'rPh') this.#isPhonetic = true
    else if (name === 'row') this.#openRow(attributes['r'])
    else if (name === 'worksheet') this.isSheet = true
  }

  close(name: string): void {
    if (name === 'v' || name === 't') this.#isValue = false
    else if (name === 'rPh') this.#isPhonetic = false
    else if (name === 'c') this.#closeCell()
    else if (name === 'row') this.#closeRow()
  }

  text(text: string): void {
    if (!this.#isValue) return
    this.#parts.push(text)
    this.#grow(text.length)
  }

  #grow(size: number): void {
    this.#size += size
    if (this.#size > MAX_RECORD_BYTES) throw new FileFault('record_too_large')
  }

  #openRow(reference: string | undefined): void {
    const number = reference === undefined ? this.#number + 1 : Number(reference)
    if (!Number.isInteger(number) || number <= this.#number || number > MAX_ROWS) {
      throw new FileFault('malformed_file', 'the rows of a sheet are not in order')
    }
    this.#number = number
    this.#cells = []
    this.#size = 0
    this.#column = -1
  }

  #openCell(attributes: XmlAttributes): void {
    const reference = attributes['r']
    const column = reference === undefined ? this.#column + 1 : columnOf(reference)
    if (column <= this.#column || column >= MAX_COLUMNS) {
      throw new FileFault('malformed_file', 'the cells of a row are not in order')
    }
    this.#column = column
    this.#type = attributes['t'] ?? 'n'
    this.#style = Number(attributes['s'] ?? 0)
    this.#parts = []
  }

  #closeCell(): void {
    const raw = this.#parts.join('')
    const text = this.#type === 's' ? this.#shared(raw) : this.#value(raw).replace(/\s+/g, ' ').trim()
    if (text === '') return
    const isText = this.#type === 's' || this.#type === 'inlineStr' || this.#type === 'str'
    this.#cells.push({ column: this.#column, text, value: this.#typed(text), isText })
  }

  /** A string that many cells share counts in each. */
  #shared(index: string): string {
    const text = this.#workbook.strings[Number(index)] ?? ''
    this.#grow(text.length)
    if (text.length > LONG_STRING) this.#budget.expand(text.length)
    return text
  }

  /** Formulas have the value that was computed last; errors have none. */
  #value(raw: string): string {
    switch (this.#type) {
      case 'b':
        return raw === '1' || raw === 'true' ? 'TRUE' : 'FALSE'
      case 'e':
        return ''
      case 'n':
        return formatNumber(raw, this.#workbook.formats[this.#style] ?? 'number', this.#workbook.is1904)
      default:
        return raw
    }
  }

  #typed(text: string): string | number | boolean {
    if (this.#type === 'b') return text === 'TRUE'
    const isNumber = this.#type === 'n' && /^-?\d+(?:\.\d+)?$/.test(text)
    // Digits that a number cannot keep, such as those of long article numbers, stay text.
    return isNumber && String(Number(text)) === text ? Number(text) : text
  }

  #closeRow(): void {
    const cells = this.#withMerged(this.#cells)
    if (cells.length > 0) {
      this.#budget.step(cells.length)
      this.#rows.push({ number: this.#number, cells })
    }
    this.#cells = []
  }

  #withMerged(own: Cell[]): Cell[] {
    const merges = this.#merges.get(this.#number)
    if (merges !== undefined) {
      const byColumn = new Map(own.map((cell) => [cell.column, cell]))
      for (const { column, lastRow } of merges) {
        const cell = byColumn.get(column)
        if (cell !== undefined && this.#carried.size < MAX_CARRIED) this.#carried.set(column, { cell, lastRow })
      }
    }
    if (own.length === 0 || this.#carried.size === 0) return own
    const columns = new Set(own.map(({ column }) => column))
    const cells = [...own]
    for (const [column, { cell, lastRow }] of this.#carried) {
      if (lastRow < this.#number) this.#carried.delete(column)
      else if (!columns.has(column)) {
        this.#grow(cell.text.length)
        cells.push(cell)
      }
    }
    return cells.sort((a, b) => a.column - b.column)
  }
}

/** Of a reference such as `AB12`, from 0; -1 for none. */
export function columnOf(reference: string): number {
  let column = 0
  for (let at = 0; at < reference.length && at < 4; at++) {
    const letter = reference.charCodeAt(at)
    if (letter < 0x41 || letter > 0x5a) break
    column = column * 26 + letter - 0x40
  }
  return column - 1
}
