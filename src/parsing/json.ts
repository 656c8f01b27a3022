/**
 * JSON files. As one document: readable lines `path: value`, an array's elements as rows. As rows: each element of the array
 * (or of the only array of objects inside of an object, as interfaces wrap them) is a document.
 */
import type { Json } from '../core/canonical-json.ts'
import { MAX_RECORD_BYTES } from '../core/limits.ts'
import { FileFault } from './file-fault.ts'
import { cleanText, readText } from './file-text.ts'
import { elementsOf, parseBoundedJson } from './json-bounds.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { fits, PartWriter } from './parts.ts'
import { fieldsText, RecordReader, type Fields } from './records.ts'

/** Elements read before others of the isolate get their turn. */
const ELEMENTS_PER_TURN = 500
const MAX_ELEMENTS = 1_000_000

/** @throws FileFault */
export async function* parseJson(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const text = await readText(file)
  try {
    const elements = elementsOf(text)
    if (elements !== undefined) yield* recordsIn(valuesOf(elements), file)
    else yield* objectIn(parseBoundedJson(text) as Json, file)
  } catch (error) {
    throw error instanceof SyntaxError ? new FileFault('malformed_file', 'the file is not valid JSON') : error
  }
}

function* valuesOf(elements: Iterable<string>): Generator<Json> {
  let row = 0
  for (const element of elements) {
    row++
    if (row > MAX_ELEMENTS)
      throw new FileFault('too_complex', `the array has more than ${MAX_ELEMENTS} elements; divide it`)
    if (!fits(element, MAX_RECORD_BYTES))
      throw new FileFault('record_too_large', `element ${row} is larger than ${MAX_RECORD_BYTES} bytes`)
    yield parseBoundedJson(element) as Json
  }
}

async function* objectIn(root: Json, file: FileToParse): AsyncGenerator<ParsedDocument> {
  if (typeof root !== 'object' || root === null || Array.isArray(root)) {
    yield* recordsIn([root], file)
    return
  }
  if (file.options.documents === 'rows') {
    const arrays = Object.values(root).filter((value) => Array.isArray(value) && value.some(isObject))
    yield* recordsIn(arrays.length === 1 ? (arrays[0] as Json[]) : [root], file)
    return
  }
  const title = ['title', 'name'].map((name) => root[name]).find((value) => typeof value === 'string')
  const writer = new PartWriter({
    key: '',
    ...(title === undefined ? {} : { title: cleanText(title).trim() }),
    format: 'extracted',
  })
  const chosen = file.options.mapping?.text === undefined ? Object.entries(root) : undefined
  const records = new RecordReader(file.options.mapping)
  const texts = chosen?.map((member) => fieldsText([member])) ?? [records.block(new Map(Object.entries(root)))]
  records.finish()
  for (const text of texts.map((lines) => cleanText(lines).trim())) {
    if (text !== '') yield* writer.add(text, { kind: 'paragraph' })
  }
  const last = writer.finish()
  if (last !== undefined) yield last
}

async function* recordsIn(values: Iterable<Json>, file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { options, budget } = file
  const records = new RecordReader(options.mapping)
  const writer = new PartWriter({ key: '', format: 'extracted' })
  let row = 0
  for (const value of values) {
    row++
    budget.step(10)
    if (row % ELEMENTS_PER_TURN === 0) await budget.turn()
    const fields = jsonFields(value)
    if (options.documents === 'rows') {
      const document = records.document(fields, { row }, `rows/${row}`)
      if (document !== undefined) yield document
    } else {
      const text = records.block(fields)
      budget.step(Math.ceil(text.length / 2))
      if (text !== '') yield* writer.add(text, { kind: 'row', row })
    }
  }
  records.finish()
  const last = writer.finish()
  if (last !== undefined) yield last
}

const isObject = (value: Json): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What is no object is a record of one field without a name. */
export function jsonFields(value: Json): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : new Map([['', value]])
}
