/**
 * JSON lines, read as a stream; each line is a document unless they are wanted as one. Lines that are no JSON are passed
 * over, as a file that was cut off or appended to twice has one; where no line is any good the file is malformed.
 */
import type { Json } from '../core/canonical-json.ts'
import { MAX_RECORD_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { decodeFile } from './file-text.ts'
import { parseBoundedJson } from './json-bounds.ts'
import { jsonFields } from './json.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { fits, PartWriter } from './parts.ts'
import { RecordReader } from './records.ts'

/** Empty lines count too. */
const MAX_LINES = 2_000_000

/** @throws FileFault */
export async function* parseJsonl(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { options, budget } = file
  const records = new RecordReader(options.mapping)
  const writer = new PartWriter({ key: '', format: 'extracted' })
  let row = 0
  let good = 0
  let firstBad: number | undefined
  for await (const lines of linesOf(decodeFile(file))) {
    for (const line of lines) {
      row++
      if (row > MAX_LINES) throw new FileFault('too_complex', `the file has more than ${MAX_LINES} lines; divide it`)
      budget.step(10)
      if (line.trim() === '') continue
      const value = parseLine(line)
      if (value === undefined) {
        firstBad ??= row
        continue
      }
      good++
      const fields = jsonFields(value)
      if (options.documents === 'file') {
        const text = records.block(fields)
        budget.step(Math.ceil(text.length / 2))
        if (text !== '') yield* writer.add(text, { kind: 'row', row })
      } else {
        const document = records.document(fields, { row }, `rows/${row}`)
        if (document !== undefined) yield document
      }
    }
  }
  if (good === 0 && firstBad !== undefined)
    throw new FileFault('malformed_file', `line ${firstBad} is not JSON, and no other line is`)
  if (good > 0) records.finish()
  const last = writer.finish()
  if (last !== undefined) yield last
}

function parseLine(line: string): Json | undefined {
  try {
    return parseBoundedJson(line) as Json
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The lines that each piece ends, without their ends; no more than one is held from piece to piece. @throws FileFault record_too_large */
async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = ''
  let number = 0
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) checkLength(line, ++number)
    // Each unit is at least a byte.
    if (rest.length > MAX_RECORD_BYTES) checkLength(rest, number + 1)
    yield lines
  }
  checkLength(rest, number + 1)
  if (rest !== '') yield [rest]
}

function checkLength(line: string, number: number): void {
  if (!fits(line, MAX_RECORD_BYTES))
    throw new FileFault('record_too_large', `line ${number} is larger than ${MAX_RECORD_BYTES} bytes`)
}
