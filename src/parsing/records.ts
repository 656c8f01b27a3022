/**
 * Records (rows of tables, objects of JSON) as documents: which field becomes what is said by the sender's mapping, or by
 * the fields' usual names.
 */
import type { OutlineBlock } from '../chunking/document-text.ts'
import type { Json, JsonObject } from '../core/canonical-json.ts'
import { FileFault } from './file-fault.ts'
import { cleanText } from './file-text.ts'
import type { FieldMapping, ParsedDocument } from './parsed-document.ts'
import { webAddress, languageTag } from './document-fields.ts'

/** Field names to values, in the record's order. Names of nested fields may be given as paths with dots. */
export type Fields = ReadonlyMap<string, Json>

export interface FileRecordPlace {
  /** From 1, as the file counts. */
  readonly row: number
  readonly sheet?: string
}

/** What fields are usually called that hold a record's text, first match first, where no mapping says so. */
const USUAL_TEXT = ['text', 'markdown', 'content', 'body', 'contents']

/** Makes documents of one file's records and watches that every field the mapping names is in one of them. */
export class RecordReader {
  readonly #mapping: FieldMapping
  readonly #isMapped: boolean
  /** Pointers into the mapping by field names that no record had yet. */
  readonly #missing = new Map<string, string>()

  /** Values are all text, of which some may be numbers. */
  readonly #isText: boolean

  constructor(mapping: FieldMapping | undefined, isText = false) {
    this.#isText = isText
    this.#mapping = mapping ?? {}
    this.#isMapped = mapping !== undefined
    for (const [role, names] of Object.entries(this.#mapping)) {
      for (const name of typeof names === 'string' ? [names] : Array.isArray(names) ? names : [])
        this.#missing.set(name, role)
    }
  }

  /** Of a table: its columns are all there is. @throws FileFault mapping_mismatch */
  checkColumns(columns: Iterable<string>): void {
    for (const column of columns) this.#missing.delete(column)
    this.finish()
  }

  /** The record as a document of its own; `undefined` when it holds no text. */
  document(fields: Fields, place: FileRecordPlace, key: string): ParsedDocument | undefined {
    this.#note(fields)
    const record = this.#isMapped ? this.#mapped(fields) : usual(fields)
    const text = cleanText(record.text).trim()
    if (text === '') return undefined
    const title = record.title === undefined ? '' : cleanText(valueText(record.title)).trim()
    const url = webAddress(record.url)
    const language = languageTag(record.language)
    const id = idOf(record.id)
    return {
      key,
      ...(id === undefined ? {} : { id }),
      ...(title === '' ? {} : { title }),
      ...(url === undefined ? {} : { url }),
      ...(language === undefined ? {} : { language }),
      ...(record.metadata === undefined ? {} : { metadata: cleanJson(record.metadata) as JsonObject }),
      format: record.isMarkdown ? 'markdown' : 'extracted',
      text,
      outline: record.isMarkdown
        ? [{ start: 0, end: text.length, kind: 'paragraph', ...place }]
        : rowOutline(text, place),
    }
  }

  /** A row of a table as one line among others: `Header: value; Header: value`. Empty when it holds no text. */
  line(fields: Fields): string {
    let line = ''
    for (const [name, value] of this.#chosen(fields)) {
      const text = oneLine(valueText(value))
      if (text !== '') line += line === '' ? `${name}: ${text}` : `; ${name}: ${text}`
    }
    return cleanText(line)
  }

  /** A record as one block of text among others, on as many lines as it takes. Empty when it holds no text. */
  block(fields: Fields): string {
    return cleanText(fieldsText(this.#chosen(fields))).trim()
  }

  #chosen(fields: Fields): [string, Json][] {
    this.#note(fields)
    const { text } = this.#mapping
    return text === undefined ? [...fields] : text.map((name) => [name, valueAt(fields, name) ?? null])
  }

  /** Call it once all records were seen. @throws FileFault mapping_mismatch */
  finish(): void {
    const [missing] = this.#missing
    if (missing === undefined) return
    throw new FileFault('mapping_mismatch', `mapping.${missing[1]} names "${missing[0]}", which the file does not have`)
  }

  #mapped(fields: Fields): MappedRecord {
    const { id, title, text, url, language, metadata } = this.#mapping
    const named = new Set([id, title, url, language, ...(text ?? []), ...(Array.isArray(metadata) ? metadata : [])])
    const rest = [...fields].filter(([name]) => !named.has(name))
    const pick = (name: string | undefined): Json | undefined =>
      name === undefined ? undefined : valueAt(fields, name)
    const texts = text?.map((name) => valueText(pick(name) ?? null)).filter((value) => value.trim() !== '')
    return {
      id: pick(id),
      title: pick(title),
      url: pick(url),
      language: pick(language),
      text: texts?.join('\n') ?? fieldsText(rest),
      isMarkdown: false,
      ...(metadata === undefined
        ? {}
        : {
            metadata: metadataOf(metadata === true ? rest : metadata.map((name) => [name, pick(name)]), this.#isText),
          }),
    }
  }

  #note(fields: Fields): void {
    for (const name of this.#missing.keys()) if (valueAt(fields, name) !== undefined) this.#missing.delete(name)
  }
}

/** Most cells are one line already. */
const oneLine = (text: string): string => (/[^\S ]/.test(text) ? text.replace(/\s+/g, ' ') : text).trim()

interface MappedRecord {
  readonly id: Json | undefined
  readonly title: Json | undefined
  readonly url: Json | undefined
  readonly language: Json | undefined
  readonly text: string
  readonly isMarkdown: boolean
  readonly metadata?: JsonObject
}

/** Fields by their usual names; what has no text field is all text. */
function usual(fields: Fields): MappedRecord {
  const name = USUAL_TEXT.find((candidate) => typeof fields.get(candidate) === 'string')
  const named = ['title', 'url', 'id', 'metadata', 'language']
  const metadata = fields.get('metadata')
  return {
    id: fields.get('id'),
    title: fields.get('title'),
    url: fields.get('url'),
    language: fields.get('language'),
    text:
      name === undefined
        ? fieldsText([...fields].filter(([field]) => !named.includes(field) || field === 'title'))
        : valueText(fields.get(name)!),
    isMarkdown: name === 'markdown',
    ...(typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata) ? { metadata } : {}),
  }
}

/** By its name as it is, or else as a path with dots. */
function valueAt(fields: Fields, name: string): Json | undefined {
  if (fields.has(name)) return fields.get(name)
  let value: Json | undefined
  for (const [depth, part] of name.split('.').entries()) {
    if (depth === 0) value = fields.get(part)
    else
      value =
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, part)
          ? value[part]
          : undefined
  }
  return value
}

function metadataOf(entries: readonly (readonly [string, Json | undefined])[], isText: boolean): JsonObject {
  const kept = entries.flatMap(([name, value]): [string, Json][] =>
    value === undefined || value === null || value === '' ? [] : [[name, isText ? typed(value) : value]],
  )
  // `fromEntries` defines members, so that a field named `__proto__` is one like any other.
  return Object.fromEntries(kept)
}

/** Numbers and truth values that are written as JSON writes them; `007` and `1,5` stay texts. */
function typed(value: Json): Json {
  if (typeof value !== 'string') return value
  if (value === 'true' || value === 'false') return value === 'true'
  return /^-?\d/.test(value) && String(Number(value)) === value ? Number(value) : value
}

/** Texts and whole numbers can be ids; anything else leaves the document its place in the file. */
function idOf(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  const id = value.trim()
  const isGood = id !== '' && id !== '.' && id !== '..' && id.length <= 512 && id.isWellFormed() && !/\p{Cc}/u.test(id)
  return isGood && new TextEncoder().encode(id).length <= 512 ? id : undefined
}

/** A value as a person reads it. */
function valueText(value: Json): string {
  if (value === null) return ''
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value) && value.every(isPlain)) return value.map(valueText).filter(Boolean).join(', ')
  return fieldsText(membersOf(value))
}

/** Fields of short values on one line, others on lines of their own; empty ones are left out. @throws FileFault too_complex */
export function fieldsText(fields: readonly (readonly [string, Json])[]): string {
  const lines: FieldLines = { lines: [], length: 0, isShort: true }
  flatten(fields, '', lines)
  return lines.lines.join(lines.isShort ? '; ' : '\n')
}

const SHORT_VALUE = 400
/** Of a field's path; a long name above many values would be repeated with each. */
const MAX_PATH_LENGTH = 200
/** Characters that one record may become: paths are repeated, so it may be more than the record has. */
const MAX_RECORD_CHARACTERS = 16_000_000

interface FieldLines {
  readonly lines: string[]
  length: number
  isShort: boolean
}

const isPlain = (value: Json): boolean => typeof value !== 'object' || value === null

/** Nested fields under paths such as `address.street`; lists of plain values as one field. */
function flatten(fields: readonly (readonly [string, Json])[], path: string, into: FieldLines): void {
  for (const [name, value] of fields) {
    const full = (path === '' ? name : `${path}.${name}`).slice(0, MAX_PATH_LENGTH)
    if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) {
      const text = valueText(value).trim()
      if (text === '') continue
      const line = full === '' ? text : `${full}: ${text}`
      into.lines.push(line)
      into.length += line.length
      if (text.length > SHORT_VALUE || text.includes('\n')) into.isShort = false
      if (into.length > MAX_RECORD_CHARACTERS) throw new FileFault('too_complex', 'a record holds too many fields')
    } else flatten(membersOf(value), full, into)
  }
}

/** Items of a list count from 1. */
const membersOf = (value: Json): [string, Json][] =>
  Array.isArray(value) ? value.map((item, i): [string, Json] => [String(i + 1), item]) : Object.entries(value ?? {})

/** A row is one block, unless its text has paragraphs of its own. */
function rowOutline(text: string, place: FileRecordPlace): OutlineBlock[] {
  const blocks: OutlineBlock[] = []
  let start = 0
  for (const gap of text.matchAll(/\n[ \t]*\n\s*/g)) {
    blocks.push({ start, end: gap.index, kind: 'paragraph', ...place })
    start = gap.index + gap[0].length
  }
  if (blocks.length === 0) return [{ start: 0, end: text.length, kind: 'row', ...place }]
  return [...blocks, { start, end: text.length, kind: 'paragraph', ...place }]
}

/** The same value without NUL, other control characters and lone surrogates. */
export function cleanJson(value: Json): Json {
  if (typeof value === 'string') return cleanText(value)
  if (Array.isArray(value)) return value.map(cleanJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [cleanText(name), cleanJson(member)]))
}
