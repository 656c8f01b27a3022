/**
 * JSON lines, read as a stream; each line is a document unless they are wanted as one. Lines that are no JSON are passed
 * over, as a file that was cut off or appended to twice has one; where no line is any good, or very many are not, the file
 * is malformed.
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
/** Lines that are no JSON, beside one for every ten that are: each costs ten times as much as a good one. */
const MAX_BAD_LINES = 10_000
/** UTF-16 units of bad lines where none was good yet. */
const MAX_BAD_LENGTH = 10_000_000

/** @throws FileFault */
export async function* parseJsonl(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { options, budget } = file
  const records = new RecordReader(options.mapping)
  const writer = new PartWriter({ key: '', format: 'extracted' })
  let row = 0
  let good = 0
  let bad = 0
  let badLength = 0
  let firstBad = 0
  for await (const lines of linesOf(decodeFile(file))) {
    for (const line of lines) {
      row++
      if (row > MAX_LINES) throw new FileFault('too_complex', `the file has more than ${MAX_LINES} lines; divide it`)
      budget.step(10)
      if (line.trim() === '') continue
      const value = parseLine(line)
      if (value === undefined) {
        if (bad === 0) firstBad = row
        bad++
        badLength += line.length
        if (bad > MAX_BAD_LINES + good / 10 || (good === 0 && badLength > MAX_BAD_LENGTH)) throw tooMany(firstBad)
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
  if (good === 0 && bad > 0) throw new FileFault('malformed_file', `line ${firstBad} is not JSON, and no other line is`)
  if (good > 0) records.finish()
  const last = writer.finish()
  if (last !== undefined) yield last
}

function tooMany(firstBad: number): FileFault {
  return new FileFault('malformed_file', `line ${firstBad} is not JSON, and too many others are not`)
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
    // A long line is put together once, and not looked through again with each of its pieces.
    const lines = piece.split('\n')
    lines[0] = rest + (lines[0] ?? '')
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
