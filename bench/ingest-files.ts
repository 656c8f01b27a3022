/** Large files of each format for the benchmark of ingestion, all made of the same sentences from one seed. */
import { strToU8, zipSync } from 'fflate'
import { column, writePdf } from '../test/support/pdf-writer.ts'
import { seededRandom } from '../test/support/seeded-random.ts'

export interface BenchFile {
  readonly name: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

const WORDS = (
  'the of and to in is that for it as was with be by on not he this are or his from at which but have an had they you were ' +
  'harbour station committee engine measure winter company language mountain question railway surface technical border ' +
  'agreement chapter document index passage weather library history quarter service result protein temperature pressure'
).split(' ')

class Prose {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  sentence(): string {
    const words = Array.from({ length: 8 + Math.floor(this.#random() * 16) }, () => this.#word())
    return `${words.join(' ').replace(/^./, (letter) => letter.toUpperCase())}.`
  }

  #word(): string {
    return WORDS[Math.floor(this.#random() * WORDS.length)] ?? 'word'
  }

  paragraphs(bytes: number): string[] {
    const all: string[] = []
    for (let length = 0; length < bytes; length += all.at(-1)?.length ?? 0) {
      all.push(Array.from({ length: 4 }, () => this.sentence()).join(' '))
    }
    return all
  }
}

const SECTION = 6
const PDF_LINES = 50
const PDF_LINE_LENGTH = 90

const markdown = (paragraphs: readonly string[]): string =>
  paragraphs.map((text, at) => (at % SECTION === 0 ? `## Section ${at / SECTION}\n\n${text}` : text)).join('\n\n')

const html = (paragraphs: readonly string[]): string =>
  `<!doctype html><html><head><title>A page</title></head><body><nav>${'<a href="/x">Link</a> '.repeat(20)}</nav><main>${paragraphs
    .map((text, at) => (at % SECTION === 0 ? `<h2>Section ${at / SECTION}</h2><p>${text}</p>` : `<p>${text}</p>`))
    .join('\n')}</main></body></html>`

function docx(paragraphs: readonly string[]): Uint8Array<ArrayBuffer> {
  const body = paragraphs.map((text) => `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`)
  const types = 'http://schemas.openxmlformats.org/package/2006/content-types'
  const relations = 'http://schemas.openxmlformats.org/package/2006/relationships'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument'
  const main = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml'
  const word = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'
  const parts = {
    '[Content_Types].xml': `<Types xmlns="${types}"><Override PartName="/word/document.xml" ContentType="${main}"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="${relations}"><Relationship Id="r1" Type="${office}" Target="word/document.xml"/></Relationships>`,
    'word/document.xml': `<w:document xmlns:w="${word}"><w:body>${body.join('')}</w:body></w:document>`,
  }
  return new Uint8Array(zipSync(Object.fromEntries(Object.entries(parts).map(([path, text]) => [path, strToU8(text)]))))
}

function pdf(paragraphs: readonly string[]): Uint8Array<ArrayBuffer> {
  const lines = paragraphs.flatMap((text) => text.match(new RegExp(`.{1,${PDF_LINE_LENGTH}}(?: |$)`, 'g')) ?? [])
  const pages = Array.from({ length: Math.ceil(lines.length / PDF_LINES) }, (_, page) =>
    column(lines.slice(page * PDF_LINES, (page + 1) * PDF_LINES)),
  )
  return writePdf(pages, { compress: true })
}

const message = (text: string, number: number): string =>
  `From a@example.com Tue Mar  3 10:00:00 2026\nFrom: a@example.com\nSubject: Message ${number}\nMessage-ID: <${number}@example.com>\nContent-Type: text/plain; charset=utf-8\n\n${text}\n`

const cue = (text: string, number: number): string => {
  const at = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(11, 23).replace('.', ',')
  return `${number + 1}\n${at(number * 4)} --> ${at(number * 4 + 3)}\n${text}\n`
}

const MAKERS: Readonly<Record<string, (paragraphs: readonly string[]) => string | Uint8Array<ArrayBuffer>>> = {
  'book.txt': (paragraphs) => paragraphs.join('\n\n'),
  'manual.md': markdown,
  'page.html': html,
  'report.pdf': pdf,
  'letter.docx': docx,
  'table.csv': (paragraphs) => ['number,note', ...paragraphs.map((text, row) => `${row},"${text}"`)].join('\n'),
  'records.jsonl': (paragraphs) => paragraphs.map((text, number) => JSON.stringify({ number, text })).join('\n'),
  'film.srt': (paragraphs) => paragraphs.map(cue).join('\n'),
  'archive.mbox': (paragraphs) => paragraphs.map(message).join('\n'),
  'module.ts': (paragraphs) =>
    paragraphs.map((text, at) => `/** ${text} */\nexport function f${at}(): number {\n  return ${at}\n}\n`).join('\n'),
}

/** One file of each format, each of about `textBytes` of text. */
export function largeFiles(textBytes: number): BenchFile[] {
  return Object.entries(MAKERS).map(([name, make], index) => {
    const content = make(new Prose(index + 1).paragraphs(textBytes))
    const bytes = typeof content === 'string' ? new Uint8Array(new TextEncoder().encode(content)) : content
    return { name, bytes }
  })
}

/** Texts of about one chunk each. */
export function passages(count: number): string[] {
  const prose = new Prose(99)
  return Array.from({ length: count }, () => Array.from({ length: 6 }, () => prose.sentence()).join(' '))
}
