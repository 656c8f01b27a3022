/** The kinds of files that are read. Which one a file is, its content says: see `detect-format.ts`. */

export const FILE_FORMATS = [
  'text',
  'markdown',
  'html',
  'pdf',
  'docx',
  'pptx',
  'xlsx',
  'csv',
  'tsv',
  'json',
  'jsonl',
  'epub',
  'eml',
  'mbox',
  'code',
  'srt',
  'vtt',
  'zip',
] as const

export type FileFormat = (typeof FILE_FORMATS)[number]

/** Read as a stream, so that 100 MB of them need no 100 MB of memory. */
export const STREAMED_FORMATS: ReadonlySet<FileFormat> = new Set(['text', 'csv', 'tsv', 'jsonl', 'mbox', 'zip'])
