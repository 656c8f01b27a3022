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

/** @throws FileFault */
export async function* parseJsonl(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { options, budget } = file
  const records = new RecordReader(options.mapping)
  const writer = new PartWriter({ key: '', format: 'extracted' })
  let row = 0
  let good = 0
  let firstBad: number | undefined
  for await (const line of linesOf(decodeFile(file))) {
    row++
    if (line.trim() === '') continue
    budget.step(10)
    const value = parseLine(line)
    if (value === undefined) {
      firstBad ??= row
      continue
    }
    good++
    const fields = jsonFields(value)
    if (options.documents === 'file') {
      const text = records.block(fields)
      budget.step(Math.ceil(text.length / 4))
      if (text !== '') yield* writer.add(text, { kind: 'row', row })
    } else {
      const document = records.document(fields, { row }, `rows/${row}`)
      if (document !== undefined) yield document
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

/** Lines without their ends, never more than one of them in memory. @throws FileFault record_too_large */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let line = ''
  let number = 1
  for await (const piece of pieces) {
    let start = 0
    for (let feed = piece.indexOf('\n'); feed !== -1; feed = piece.indexOf('\n', start)) {
      const whole = line + piece.slice(start, feed)
      checkLength(whole, number)
      yield whole
      line = ''
      number++
      start = feed + 1
    }
    line += piece.slice(start)
    // Each unit is at least a byte.
    if (line.length > MAX_RECORD_BYTES) checkLength(line, number)
  }
  checkLength(line, number)
  if (line !== '') yield line
}

function checkLength(line: string, number: number): void {
  if (!fits(line, MAX_RECORD_BYTES))
    throw new FileFault('record_too_large', `line ${number} is larger than ${MAX_RECORD_BYTES} bytes`)
}
