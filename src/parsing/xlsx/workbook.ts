/** What the sheets of a workbook share: their order and names, the strings, the formats of numbers. */
import type { Container } from '../container.ts'
import { attributeOf } from '../container/xml-reader.ts'
import { MAX_RECORD_BYTES } from '../../core/limits.ts'
import { FileFault } from '../file-fault.ts'
import { cleanText } from '../file-text.ts'
import type { ParseBudget } from '../parse-budget.ts'
import { builtInFormat, customFormat, type CellFormat } from './cell-format.ts'

export interface Sheet {
  readonly name: string
  /** From 1, hidden sheets counted. */
  readonly number: number
  readonly path: string
}

export interface Workbook {
  /** Those that can be seen, in their order. */
  readonly sheets: readonly Sheet[]
  /** Dates count from 1904. */
  readonly is1904: boolean
  /** Each on one line, without white space around it. */
  readonly strings: readonly string[]
  /** By a cell's style. */
  readonly formats: readonly CellFormat[]
}

const MAX_SHEETS = 1_000
/** A program writes at most 64,000. */
const MAX_FORMATS = 100_000
/** What a string in memory costs beyond its characters. */
const STRING_OVERHEAD_BYTES = 24

/** @throws FileFault */
export async function readWorkbook(container: Container, budget: ParseBudget): Promise<Workbook> {
  const main = await container.mainPart('xl/workbook.xml')
  const relations = await container.relations(main)
  const sheets: Sheet[] = []
  let count = 0
  let is1904 = false
  let isWorkbook = false
  await container.read(main, {
    open(name, attributes) {
      if (name === 'workbook') isWorkbook = true
      else if (name === 'workbookPr') is1904 = /^(?:1|true)$/.test(attributeOf(attributes, 'date1904') ?? '')
      else if (name === 'sheet') {
        count++
        if (count > MAX_SHEETS) throw new FileFault('too_complex', 'the workbook has too many sheets')
        const key = Object.keys(attributes).find((attribute) => attribute.endsWith(':id'))
        const relation = relations.find(({ id }) => id === attributes[key ?? 'id'])
        if (relation === undefined || !container.has(relation.path)) {
          throw new FileFault('malformed_file', 'a sheet is missing')
        }
        const isHidden = /^(?:veryH|h)idden$/.test(attributes['state'] ?? '')
        if (isHidden || relation.type !== 'worksheet') return
        sheets.push({ name: cleanText(attributes['name'] ?? ''), number: count, path: relation.path })
      }
    },
  })
  if (!isWorkbook) throw new FileFault('malformed_file', 'the main part of the file is no workbook')
  const partOf = (type: string): string | undefined =>
    relations.find((relation) => relation.type === type && container.has(relation.path))?.path
  const strings = partOf('sharedStrings')
  const styles = partOf('styles')
  return {
    sheets,
    is1904,
    strings: strings === undefined ? [] : await readStrings(container, strings, budget),
    formats: styles === undefined ? [] : await readFormats(container, styles),
  }
}

async function readStrings(container: Container, path: string, budget: ParseBudget): Promise<string[]> {
  const strings: string[] = []
  let parts: string[] = []
  let length = 0
  let isText = false
  /** Furigana repeat what they stand above. */
  let isPhonetic = false
  await container.read(path, {
    open(name) {
      if (name === 'si') {
        parts = []
        length = 0
      } else if (name === 't') isText = !isPhonetic
      else if (name === 'rPh') isPhonetic = true
    },
    close(name) {
      if (name === 't') isText = false
      else if (name === 'rPh') isPhonetic = false
      else if (name === 'si') {
        const text = parts.join('').replace(/\s+/g, ' ').trim()
        budget.hold(text.length * 2 + STRING_OVERHEAD_BYTES)
        strings.push(text)
      }
    },
    text(text) {
      if (!isText) return
      length += text.length
      if (length > MAX_RECORD_BYTES) throw new FileFault('record_too_large')
      parts.push(text)
    },
  })
  return strings
}

async function readFormats(container: Container, path: string): Promise<CellFormat[]> {
  const custom = new Map<number, CellFormat>()
  const formats: CellFormat[] = []
  let inCells = false
  await container.read(path, {
    open(name, attributes) {
      const id = Number(attributes['numFmtId'] ?? 0)
      if (Math.max(formats.length, custom.size) > MAX_FORMATS) throw new FileFault('too_complex')
      if (name === 'numFmt') custom.set(id, customFormat((attributes['formatCode'] ?? '').slice(0, 500)))
      else if (name === 'cellXfs') inCells = true
      else if (name === 'xf' && inCells) formats.push(custom.get(id) ?? builtInFormat(id))
    },
    close(name) {
      if (name === 'cellXfs') inCells = false
    },
  })
  return formats
}
