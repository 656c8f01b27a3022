/**
 * Small files of many formats from a seed, for ingests of thousands: each says how many documents it makes, or with which code
 * it fails. The same seed and number make the same bytes.
 */
import { strToU8, zipSync } from 'fflate'
import type { FileFaultCode } from '../../src/parsing/file-fault.ts'
import { seededRandom } from './seeded-random.ts'

export interface GeneratedFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly expect: { readonly documents: number } | { readonly code: FileFaultCode }
}

const WORDS = (
  'heron weir otter stream owl barn ferry harbour crane bicycle lantern orchard quarry signal meadow bridge kettle ledger ' +
  'copper window winter market engine garden letter museum pepper saddle tunnel violin walnut yellow anchor basket candle'
).split(' ')

class Writer {
  readonly #random: () => number
  readonly #mark: string

  constructor(seed: number, number: number) {
    this.#random = seededRandom(seed * 1_000_003 + number)
    this.#mark = `note ${number}`
  }

  upTo(most: number): number {
    return Math.floor(this.#random() * most)
  }

  sentence(): string {
    const words = Array.from({ length: 6 + this.upTo(10) }, () => WORDS[this.upTo(WORDS.length)])
    return `The ${words.join(' ')} of ${this.#mark}.`
  }

  paragraph(): string {
    return Array.from({ length: 1 + this.upTo(5) }, () => this.sentence()).join(' ')
  }
}

interface Making extends Pick<GeneratedFile, 'expect'> {
  readonly content: string | Uint8Array<ArrayBuffer>
}

const one = (content: Making['content']): Making => ({ content, expect: { documents: 1 } })
const paragraphs = (writer: Writer): string[] => Array.from({ length: 1 + writer.upTo(4) }, () => writer.paragraph())

const time = (seconds: number, separator: string): string => `00:00:${String(seconds).padStart(2, '0')}${separator}000`

/** The same bytes whenever it is made. */
const archive = (entries: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(zipSync(entries, { mtime: '2026-01-01T00:00:00' }))

const docx = (writer: Writer): Uint8Array<ArrayBuffer> => {
  const body = paragraphs(writer).map((text) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`)
  const word = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'
  const main = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument'
  return archive({
    '[Content_Types].xml': strToU8(
      `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="${main}"/></Types>`,
    ),
    '_rels/.rels': strToU8(
      `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="${office}" Target="word/document.xml"/></Relationships>`,
    ),
    'word/document.xml': strToU8(`<w:document xmlns:w="${word}"><w:body>${body.join('')}</w:body></w:document>`),
  })
}

const message = (writer: Writer, number: number): string =>
  [
    `From: a${number}@example.com`,
    'To: b@example.com',
    `Subject: ${writer.sentence()}`,
    `Message-ID: <${number}@example.com>`,
    'Date: Tue, 03 Mar 2026 10:00:00 +0000',
    'Content-Type: text/plain; charset=utf-8',
    '',
    paragraphs(writer).join('\n\n'),
    '',
  ].join('\n')

const MAKERS: Readonly<Record<string, (writer: Writer, number: number) => Making>> = {
  txt: (writer) => one(paragraphs(writer).join('\n\n')),
  md: (writer) => one(`# ${writer.sentence()}\n\n${paragraphs(writer).join('\n\n## More\n\n')}\n`),
  html: (writer) =>
    one(
      `<!doctype html><html><head><title>${writer.sentence()}</title></head><body><main>${paragraphs(writer)
        .map((text) => `<p>${text}</p>`)
        .join('')}</main></body></html>`,
    ),
  csv: (writer) => one(['place,note', ...paragraphs(writer).map((text, row) => `${row},"${text}"`)].join('\n')),
  jsonl: (writer) => {
    const rows = Array.from({ length: 3 }, () => JSON.stringify({ text: writer.paragraph(), size: writer.upTo(9) }))
    return { content: rows.join('\n'), expect: { documents: 3 } }
  },
  json: (writer) => one(JSON.stringify({ title: writer.sentence(), body: writer.paragraph() })),
  srt: (writer) =>
    one(
      paragraphs(writer)
        .map((text, cue) => `${cue + 1}\n${time(cue * 4, ',')} --> ${time(cue * 4 + 3, ',')}\n${text}\n`)
        .join('\n'),
    ),
  vtt: (writer) =>
    one(
      `WEBVTT\n\n${paragraphs(writer)
        .map((text, cue) => `${time(cue * 4, '.')} --> ${time(cue * 4 + 3, '.')}\n${text}\n`)
        .join('\n')}`,
    ),
  py: (writer) => one(`"""${writer.sentence()}"""\n\n\ndef main():\n    return "${writer.sentence()}"\n`),
  eml: (writer, number) => one(message(writer, number)),
  docx: (writer) => one(docx(writer)),
  zip: (writer) => ({
    content: archive({
      'a.txt': strToU8(writer.paragraph()),
      'deep/b.md': strToU8(`# B\n\n${writer.paragraph()}`),
    }),
    expect: { documents: 2 },
  }),
  'cut.docx': (writer) => ({ content: docx(writer).slice(0, 200), expect: { code: 'malformed_file' } }),
  'blank.txt': () => ({ content: ' \n \n', expect: { code: 'no_text' } }),
}

/** Endings, each as often as its files shall be. */
const MIXTURE =
  'txt txt txt txt txt md md md md html html html csv csv jsonl jsonl json json srt vtt py py eml docx docx zip cut.docx blank.txt'.split(
    ' ',
  )

export function generatedFile(seed: number, number: number): GeneratedFile {
  const ending = MIXTURE[number % MIXTURE.length] ?? 'txt'
  const { content, expect } = MAKERS[ending]?.(new Writer(seed, number), number) ?? one('')
  const bytes = typeof content === 'string' ? new Uint8Array(new TextEncoder().encode(content)) : content
  return { name: `folder-${number % 7}/file-${number}.${ending}`, bytes, expect }
}
