/** A file of the fixture library: how its bytes are made and what must be read from it. */
import type { FileFaultCode } from '../../../src/parsing/file-fault.ts'
import type { FileFormat } from '../../../src/parsing/file-format.ts'
import type { ParseOptions } from '../../../src/parsing/parsed-document.ts'
import type { Location } from '../../../src/chunking/document-text.ts'
import type { JsonObject } from '../../../src/core/canonical-json.ts'

export interface ExpectedDocument {
  /** Default: any. */
  readonly key?: string
  readonly id?: string
  readonly title?: string
  readonly url?: string
  readonly language?: string
  /** Each stands in the text, and in this order. */
  readonly contains: readonly string[]
  /** None stands in the text. */
  readonly lacks?: readonly string[]
  /** The blocks of the outline that overlap the first occurrence of `text` have this location, in every field given. */
  readonly locations?: readonly { readonly text: string; readonly location: Location }[]
  /** These fields of the metadata, each equal. */
  readonly metadata?: JsonObject
}

export interface ExpectedFile {
  readonly format: FileFormat
  /** In order, from the first; further documents of the file are not looked at unless `count` tells how many there are. */
  readonly documents: readonly ExpectedDocument[]
  readonly count?: number
  readonly pages?: number
}

export interface LibraryEntry {
  /** The file's name, unique in its area; what detection sees. */
  readonly name: string
  readonly bytes: () => Uint8Array | Promise<Uint8Array>
  readonly options?: ParseOptions
  /** What the file says, or the one code that it fails with. Entries of an archive: as if each were uploaded. */
  readonly expect: ExpectedFile | { readonly code: FileFaultCode }
  /** Why a person would have such a file, where the name does not tell. */
  readonly note?: string
}
