/**
 * Tables of delimited text (csv, tsv), read as a stream. As one document each row is a line `Header: value; Header: value`;
 * as rows each is a document of its own. Rows count from 1 with the header, as spreadsheets count them.
 */
import type { Json } from '../core/canonical-json.ts'
import { DelimitedReader, guessTable, type Delimiter } from './delimited.ts'
import { decodeFile } from './file-text.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { PartWriter } from './parts.ts'
import { RecordReader, type Fields } from './records.ts'

/** Of the file's beginning, in characters: enough to tell delimiter and header. */
const SAMPLE_CHARACTERS = 65_536
const MAX_HEADER_LENGTH = 200
/** What Excel writes above a table to tell itself the delimiter; cells are parted by it. */
const EXCEL_SEPARATOR = /^sep=[,;|]?$/

/** @throws FileFault */
export async function* parseCsv(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { options, budget } = file
  const records = new RecordReader(options.mapping, true)
  const writer = new PartWriter({ key: '', format: 'extracted' })
  const asRows = options.documents === 'rows'
  let header: string[] | undefined
  let row = 0
  for await (const rows of rowsOf(file)) {
    for (const cells of rows) {
      row++
      budget.step(cells.length)
      if (cells.length === 1 && cells[0]!.trim() === '') continue
      if (row === 1 && EXCEL_SEPARATOR.test(cells.join(''))) continue
      if (header === undefined) {
        const isHeader = options.mapping !== undefined || looksLikeHeader(cells)
        header = columnNames(isHeader ? cells : cells.map(() => ''))
        records.checkColumns(header)
        if (isHeader) continue
      }
      const fields = fieldsOf(header, cells)
      if (asRows) {
        const document = records.document(fields, { row }, `rows/${row}`)
        if (document !== undefined) yield document
        continue
      }
      const text = records.line(fields)
      // Headers are repeated in every row: what comes out of them is counted too.
      budget.step(Math.ceil(text.length / 2))
      if (text !== '') yield* writer.add(text, { kind: 'row', row })
    }
  }
  const last = writer.finish()
  if (last !== undefined) yield last
}

/** The rows of one piece of the file after another; reads ahead as far as it takes to tell the delimiter. */
async function* rowsOf(file: FileToParse): AsyncGenerator<string[][]> {
  let reader: DelimitedReader | undefined
  let sample = ''
  const rowsIn = (text: string, from: DelimitedReader): string[][] => {
    const rows: string[][] = []
    from.push(text, rows)
    return rows
  }
  for await (const piece of decodeFile(file)) {
    if (reader !== undefined) {
      yield rowsIn(piece, reader)
      continue
    }
    sample += piece
    if (sample.length < SAMPLE_CHARACTERS) continue
    reader = new DelimitedReader(delimiterOf(file, sample, false))
    yield rowsIn(sample, reader)
  }
  if (reader === undefined) {
    reader = new DelimitedReader(delimiterOf(file, sample, true))
    yield rowsIn(sample, reader)
  }
  const last = reader.finish()
  if (last !== undefined) yield [last]
}

function delimiterOf(file: FileToParse, sample: string, isWhole: boolean): Delimiter {
  return guessTable(sample, isWhole)?.delimiter ?? (file.format === 'tsv' ? '\t' : ',')
}

/** Names are short, mostly differ, and are no numbers or dates. */
function looksLikeHeader(cells: readonly string[]): boolean {
  const names = cells.map((cell) => cell.trim()).filter((cell) => cell !== '')
  return (
    names.length * 2 > cells.length &&
    new Set(names).size * 2 > names.length &&
    names.every(
      (name) => name.length <= MAX_HEADER_LENGTH && !/^[-+]?[\d.,:/ -]+%?$/.test(name) && !/\n\s*\n/.test(name),
    )
  )
}

/** Every column has a name of its own: `Column 3` without one, `Name (2)` where it is the second of that name. */
export function columnNames(header: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return header.map((cell, column) => {
    const name = cell.slice(0, MAX_HEADER_LENGTH).replace(/\s+/g, ' ').trim() || `Column ${column + 1}`
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name} (${count})`
  })
}

/** Cells behind the last column are kept, under the names that they would have. */
function fieldsOf(header: readonly string[], cells: readonly string[]): Fields {
  const fields = new Map<string, Json>()
  for (const [column, cell] of cells.entries()) fields.set(header[column] ?? `Column ${column + 1}`, cell)
  return fields
}
