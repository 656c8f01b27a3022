/** What parsers are given and what they give back: a file's bytes go in, documents come out one after another. */
import type { OutlineBlock, TextFormat } from '../chunking/document-text.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import type { FileFormat } from './file-format.ts'
import type { ParseBudget } from './parse-budget.ts'

/** A file's bytes, wherever they lie. Every call may be made again and answers the same. */
export interface FileBytes {
  /** As counted when they were stored, whatever was declared. */
  readonly size: number
  /** Less than `length` bytes only at the end. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>
}

/** Which fields of a record become what; the rest becomes metadata as `metadata` says. */
export interface FieldMapping {
  /** Becomes the document's id, of rows that are documents. */
  readonly id?: string
  readonly title?: string
  /** In this order, each on lines of its own; absent: all fields that nothing else names. */
  readonly text?: readonly string[]
  readonly url?: string
  readonly language?: string
  /** Fields that become metadata under their names; `true`: all that nothing else names. Default: none. */
  readonly metadata?: readonly string[] | true
}

/** How a file is to be read, as its sender says. */
export interface ParseOptions {
  /** For tables and record files. Default: `rows` for jsonl, `file` for csv, tsv, xlsx and json. */
  readonly documents?: 'file' | 'rows'
  readonly mapping?: FieldMapping
}

export interface FileToParse {
  /** With its path; the last segment's ending may help where the content leaves a choice. */
  readonly name: string
  readonly format: FileFormat
  /** Of text formats, as detected, such as `utf-8` or `shift_jis`. */
  readonly encoding?: string
  readonly bytes: FileBytes
  readonly options: ParseOptions
  readonly budget: ParseBudget
  /** Adobe's character maps by name, without ending, for PDFs that refer to them; `undefined` where there is none. */
  readonly readCMap: (name: string) => Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** One document of a file. Its text has LF line ends, no NUL and no lone surrogates. */
export interface ParsedDocument {
  /**
   * `''`: the file itself; else tells it from the file's other documents and is stable over re-uploads, such as `rows/12`,
   * `messages/3`, `part-2`. At most 100 bytes, no control characters.
   */
  readonly key: string
  /** Its own id, where the mapping names a field for it. */
  readonly id?: string
  readonly title?: string
  /** Absolute, http or https; anything else is left out. */
  readonly url?: string
  readonly language?: string
  readonly metadata?: JsonObject
  readonly format: TextFormat
  readonly text: string
  /** Ascending, disjoint. With locations for formats that have them. */
  readonly outline?: readonly OutlineBlock[]
  /** Pages, slides or sheets of the file, told with its first document. */
  readonly pages?: number
}

/** Yields at least one document. @throws FileFault */
export type FileParser = (file: FileToParse) => AsyncIterable<ParsedDocument>
