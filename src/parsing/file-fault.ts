/**
 * Why a file cannot be read, as codes from one table. Whoever sent the file can act on each; they stand in jobs and never
 * become a status of their own.
 */

/** Code to what the sender can do about it. A code is never reused for another meaning. */
export const FILE_FAULTS = {
  unsupported_format: 'this kind of file is not read; convert it to one that is',
  empty_file: 'the file holds nothing',
  no_text: 'the file holds no text',
  file_too_large: 'the file is larger than its format may be; divide it',
  malformed_file: 'the file is damaged, or not what it seems to be; make it again',
  encrypted_file: 'the file is protected by a password; remove it',
  needs_ocr: 'the pages are pictures of text; run them through text recognition first',
  unknown_encoding: 'the characters cannot be told; save the file as UTF-8',
  unsafe_path: 'an entry of the archive points outside of it, so nothing of it is read',
  expansion_limit: 'the file expands to more than it may',
  too_complex: 'the file is nested deeper, or made of more parts, than a reader can take',
  record_too_large: 'a line, row or record is larger than it may be',
  too_many_documents: 'the file makes more documents than one may; divide it',
  too_many_files: 'the archive holds more files than one may; divide it',
  nested_archive: 'an archive inside an archive is not read; unpack it first',
  mapping_mismatch: 'the mapping names a field that the file does not have',
  parse_timeout: 'reading the file took too long',
  parser_crashed: 'reading the file ended the process each time it was tried',
  converter_failed: 'the converter answered with an error',
  not_fetched: 'the page could not be fetched',
} as const

export type FileFaultCode = keyof typeof FILE_FAULTS

/** The file is at fault, and a repetition would end the same. `message` quotes nothing of its content. */
export class FileFault extends Error {
  override readonly name = 'FileFault'
  readonly code: FileFaultCode

  constructor(code: FileFaultCode, detail: string = FILE_FAULTS[code]) {
    super(detail)
    this.code = code
  }
}
