/**
 * Reads tables of delimited text (RFC 4180 and what programs make of it) from pieces of any size: quotes, line feeds inside
 * of them, ragged rows. What one row may be is bounded, so a quote that nobody closes holds no more than that.
 */
import { utf8Length } from '../core/bytes.ts'
import { MAX_RECORD_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'

/** As many as a spreadsheet has at most. */
export const MAX_COLUMNS = 16_384
/** Twice as many as a spreadsheet has; empty lines count too. */
export const MAX_ROWS = 2_000_000

export const DELIMITERS = [',', ';', '\t', '|'] as const
export type Delimiter = (typeof DELIMITERS)[number]

const QUOTE = 0x22
const LINE_FEED = 0x0a

type State = 'start' | 'plain' | 'quoted' | 'quote-in-quoted'

export class DelimitedReader {
  readonly #delimiter: number
  #state: State = 'start'
  #cell = ''
  #cells: string[] = []
  /** UTF-16 units of the row so far; a unit is at least a byte. */
  #units = 0
  #rows = 0

  constructor(delimiter: Delimiter) {
    this.#delimiter = delimiter.charCodeAt(0)
  }

  /**
   * Adds the rows that `piece` ends to `rows`, each with all its cells; an empty line is a row of one empty cell. Lines end
   * in LF. @throws FileFault
   */
  push(piece: string, rows: string[][]): void {
    for (let at = 0; at < piece.length;) {
      if (this.#state === 'quoted') {
        const quote = piece.indexOf('"', at)
        const end = quote === -1 ? piece.length : quote
        this.#append(piece.slice(at, end))
        if (quote !== -1) this.#state = 'quote-in-quoted'
        at = end + 1
        continue
      }
      const unit = piece.charCodeAt(at)
      if (unit === QUOTE && this.#state !== 'plain') {
        // Doubled inside of quotes, it stands for itself.
        if (this.#state === 'quote-in-quoted') this.#append('"')
        this.#state = 'quoted'
        at++
      } else if (unit === this.#delimiter) {
        this.#endCell()
        at++
      } else if (unit === LINE_FEED) {
        rows.push(this.#endRow())
        at++
      } else {
        // What follows a closing quote belongs to the cell, as spreadsheets read it.
        this.#state = 'plain'
        const end = this.#endOfPlain(piece, at)
        this.#append(piece.slice(at, end))
        at = end
      }
    }
  }

  /** The last row, where no line feed ends it. @throws FileFault */
  finish(): string[] | undefined {
    if (this.#state === 'quoted')
      throw new FileFault('malformed_file', `row ${this.#rows + 1} opens a quote and never closes it`)
    return this.#state === 'start' && this.#cells.length === 0 ? undefined : this.#endRow()
  }

  #endOfPlain(piece: string, from: number): number {
    for (let at = from; at < piece.length; at++) {
      const unit = piece.charCodeAt(at)
      if (unit === this.#delimiter || unit === LINE_FEED) return at
    }
    return piece.length
  }

  #append(text: string): void {
    this.#cell += text
    this.#units += text.length
    if (this.#units > MAX_RECORD_BYTES) throw this.#tooLarge()
  }

  #endCell(): void {
    this.#cells.push(this.#cell)
    this.#cell = ''
    this.#units++
    this.#state = 'start'
    if (this.#cells.length > MAX_COLUMNS)
      throw new FileFault('too_complex', `row ${this.#rows + 1} has more than ${MAX_COLUMNS} columns`)
  }

  #endRow(): string[] {
    this.#endCell()
    const cells = this.#cells
    if (
      this.#units * 3 > MAX_RECORD_BYTES &&
      cells.reduce((sum, cell) => sum + utf8Length(cell) + 1, 0) > MAX_RECORD_BYTES
    )
      throw this.#tooLarge()
    this.#cells = []
    this.#units = 0
    this.#rows++
    if (this.#rows > MAX_ROWS) throw new FileFault('too_complex', `the table has more than ${MAX_ROWS} rows; divide it`)
    return cells
  }

  #tooLarge(): FileFault {
    return new FileFault(
      'record_too_large',
      `row ${this.#rows + 1} is larger than ${MAX_RECORD_BYTES} bytes, or a quote in it is never closed`,
    )
  }
}

/** Rows that show which delimiter a table has. */
const SAMPLED_ROWS = 100

export interface GuessedTable {
  readonly delimiter: Delimiter
  readonly columns: number
  /** The sampled rows, without empty lines. */
  readonly rows: readonly string[][]
  /** Share of the rows that have as many columns as most. */
  readonly regularity: number
}

/** The delimiter that makes the most regular table of a text's beginning; `undefined` where all rows have one cell. */
export function guessTable(sample: string, isWhole: boolean): GuessedTable | undefined {
  let best: GuessedTable | undefined
  for (const delimiter of DELIMITERS) {
    const table = tableBy(sample, isWhole, delimiter)
    if (table === undefined || table.columns < 2) continue
    const isBetter =
      best === undefined ||
      table.regularity > best.regularity + 0.05 ||
      (table.regularity >= best.regularity - 0.05 && table.columns > best.columns)
    if (isBetter) best = table
  }
  return best
}

function tableBy(sample: string, isWhole: boolean, delimiter: Delimiter): GuessedTable | undefined {
  const reader = new DelimitedReader(delimiter)
  const all: string[][] = []
  try {
    reader.push(sample, all)
    const last = isWhole ? reader.finish() : undefined
    if (last !== undefined) all.push(last)
  } catch (error) {
    if (!(error instanceof FileFault)) throw error
    // The rows before the one at fault show enough.
  }
  const rows = all.filter((row) => row.length > 1 || row[0]!.trim() !== '').slice(0, SAMPLED_ROWS)
  const counts = new Map<number, number>()
  for (const row of rows) counts.set(row.length, (counts.get(row.length) ?? 0) + 1)
  const [most] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0])
  if (most === undefined) return undefined
  return { delimiter, columns: most[0], rows, regularity: most[1] / rows.length }
}
