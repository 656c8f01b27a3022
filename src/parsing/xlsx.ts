/**
 * What does a workbook say? Its visible sheets in order; each row is a line `Header: value; Header: value` with the names
 * of the columns where a row of the sheet gives them, or a document of its own. Formulas count as the value that was
 * computed last, dates are ISO 8601, merged cells of several rows stand in each of them. Hidden sheets are left out; hidden
 * rows and columns, comments and charts' own labels are not looked at.
 *
 * Read as a stream rather than with `read-excel-file`, which inflates all parts at once and keeps every cell of a sheet.
 */
import type { Json } from '../core/canonical-json.ts'
import { Container } from './container.ts'
import { readProperties } from './container/office-properties.ts'
import { columnNames } from './csv.ts'
import { FileFault } from './file-fault.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { PartWriter } from './parts.ts'
import { RecordReader } from './records.ts'
import { findMerges } from './xlsx/merged-ranges.ts'
import { SheetReader, type Row } from './xlsx/sheet-reader.ts'
import { findHeader, HEADER_SEARCH_ROWS } from './xlsx/table-header.ts'
import { readWorkbook, type Sheet, type Workbook } from './xlsx/workbook.ts'

/** @throws FileFault */
export async function* parseXlsx({ bytes, budget, options }: FileToParse): AsyncGenerator<ParsedDocument> {
  const container = await Container.open(bytes, budget)
  const workbook = await readWorkbook(container, budget)
  const pages = workbook.sheets.length
  const records = new RecordReader(options.mapping)
  let documents = 0
  if (options.documents === 'rows') {
    for (const sheet of workbook.sheets) {
      for await (const { row, header } of rowsOf(container, workbook, sheet, budget, true)) {
        if (header === undefined) continue
        const prefix = sheet.number === 1 ? '' : `sheets/${String(sheet.number)}/`
        const fields = fieldsOf(header, row, budget)
        const document = records.document(fields, placeOf(sheet, row), `${prefix}rows/${String(row.number)}`)
        if (document === undefined) continue
        documents++
        yield documents === 1 ? { ...document, pages } : document
      }
    }
  } else {
    const properties = await readProperties(container)
    const writer = new PartWriter({ key: '', ...properties, format: 'extracted', pages })
    for (const sheet of workbook.sheets) {
      let hasHeading = false
      for await (const { row, header } of rowsOf(container, workbook, sheet, budget, options.mapping !== undefined)) {
        const text =
          header === undefined ? valuesOf(row) : records.block(fieldsOf(header, row, budget)).replace(/\n/g, ' ')
        // Names of columns are repeated in every row: what comes out of them is counted too.
        budget.step(Math.ceil(text.length / 4))
        if (text === '') continue
        if (!hasHeading && sheet.name !== '') {
          yield* writer.add(sheet.name, { kind: 'heading', level: 1, sheet: sheet.name })
        }
        hasHeading = true
        documents++
        yield* writer.add(text, { kind: 'row', ...placeOf(sheet, row) })
      }
    }
    const last = writer.finish()
    if (last !== undefined) yield last
  }
  records.finish()
  container.close()
  if (documents === 0) throw new FileFault('no_text')
}

interface TableRow {
  readonly row: Row
  /** Names of the columns; `undefined` above the row that gives them, and in sheets without one. */
  readonly header: Header | undefined
}

type Header = ReadonlyMap<number, string>

/** The rows of a sheet but its header. @param isTable the first row that is no title gives the names, whatever it looks like */
async function* rowsOf(
  container: Container,
  workbook: Workbook,
  sheet: Sheet,
  budget: ParseBudget,
  isTable: boolean,
): AsyncGenerator<TableRow> {
  const merges = await findMerges(container.pieces(sheet.path, false))
  const reader = new SheetReader(workbook, merges, budget)
  let first: Row[] | undefined = []
  let header: Header | undefined
  const begin = function* (rows: readonly Row[]): Generator<TableRow> {
    const index = findHeader(rows) ?? (isTable ? 0 : undefined)
    for (const [at, row] of rows.entries()) {
      if (at === index) header = headerOf(row)
      else yield { row, header }
    }
  }
  for await (const _ of container.readPieces(sheet.path, reader)) {
    for (const row of reader.take()) {
      if (first === undefined) yield { row, header }
      else {
        first.push(row)
        if (first.length < HEADER_SEARCH_ROWS) continue
        yield* begin(first)
        first = undefined
      }
    }
  }
  if (!reader.isSheet) throw new FileFault('malformed_file', 'a sheet is damaged')
  if (first !== undefined) yield* begin(first)
}

function headerOf({ cells }: Row): Header {
  const names = columnNames(cells.map(({ text }) => text))
  return new Map(cells.map(({ column }, index) => [column, names[index] ?? '']))
}

/** Every column of the header is a field, so that a mapping finds those that are empty here. */
function fieldsOf(header: Header, { cells }: Row, budget: ParseBudget): ReadonlyMap<string, Json> {
  budget.step(header.size)
  const values = new Map(cells.map((cell) => [cell.column, cell.value]))
  const fields = new Map<string, Json>()
  for (const [column, name] of header) fields.set(name, values.get(column) ?? '')
  for (const { column, value } of cells) if (!header.has(column)) fields.set(`Column ${String(column + 1)}`, value)
  return fields
}

function valuesOf({ cells }: Row): string {
  return cells.map(({ text }) => text).join('; ')
}

function placeOf({ name }: Sheet, { number }: Row): { row: number; sheet?: string } {
  return { row: number, ...(name === '' ? {} : { sheet: name }) }
}
