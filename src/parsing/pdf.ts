/**
 * PDF with pdf.js: text of the pages in reading order, without running heads, with pages and headings as outline. What the file
 * unpacks to is measured before pdf.js sees it. Nothing is drawn; fonts and pictures are not loaded.
 */
import { FileFault } from './file-fault.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import type { ParseBudget } from './parse-budget.ts'
import { compose } from './pdf/compose.ts'
import type { Bookmark } from './pdf/compose.ts'
import { informationOf } from './pdf/information.ts'
import { prescan } from './pdf/prescan.ts'
import type { Prescan } from './pdf/prescan.ts'
import { readingOrder } from './pdf/reading-order.ts'
import type { Line } from './pdf/reading-order.ts'
import { withoutRunningHeads } from './pdf/running-heads.ts'
import { fragmentsOf } from './pdf/text-items.ts'
import type { TextItem } from './pdf/text-items.ts'

const MAX_PAGES = 5_000
/** UTF-16 units and items of one page; more is no page that anybody reads. */
const MAX_PAGE_LENGTH = 2_000_000
const MAX_PAGE_ITEMS = 60_000
/** What one item costs, beside its text: pdf.js takes some 20 µs for it. */
const STEPS_PER_ITEM = 8
/** pdf.js never waits for anything outside; where nothing comes for so long, it has lost its thread in a damaged file. */
const STALLED_MS = 5_000
const CLOSING_MS = 200
const MAX_BOOKMARKS = 10_000
/** Letters a page, below which scanned pages count as pictures. */
const MIN_PAGE_LETTERS = 16
/** Pages after which the others of the isolate are let in, and those after which fonts are dropped. */
const PAGES_PER_TURN = 4
const PAGES_PER_CLEANUP = 50
/** Bytes that a line costs beside its text. */
const LINE_BYTES = 120

/** The parts of pdf.js's document that are used here. */
interface PdfPage {
  streamTextContent(options: { disableNormalization: boolean }): ReadableStream<TextContent>
  cleanup(): boolean
}
interface TextContent {
  readonly items: readonly (TextItem | { readonly type: string })[]
  readonly styles: Readonly<Record<string, { readonly vertical?: boolean }>>
}
interface PdfDocument {
  readonly numPages: number
  getPage(number: number): Promise<PdfPage>
  getMetadata(): Promise<{ info: object }>
  getOutline(): Promise<readonly OutlineItem[] | null>
  cleanup(): Promise<unknown>
  readonly loadingTask: { destroy(): Promise<void> }
}
interface OutlineItem {
  readonly title: string
  readonly items?: readonly OutlineItem[]
}

/** One document of all pages. @throws FileFault */
export async function* parsePdf(file: FileToParse): AsyncGenerator<ParsedDocument> {
  const { budget, bytes } = file
  budget.hold(2 * bytes.size)
  const content = await bytes.read(0, bytes.size)
  const scan = await prescan(content, budget)
  const maps: Maps = {}
  // pdf.js takes the buffer away, and the bytes may be read again: by a converter, where the pages are pictures.
  const pdf = await open(content.slice(), file, maps)
  try {
    const pages = pdf.numPages
    if (pages > MAX_PAGES) throw new FileFault('too_complex', `a PDF may have ${MAX_PAGES.toLocaleString('en')} pages`)
    if (pages > scan.contents && scan.contents > 0) budget.expand((pages - scan.contents) * scan.largestContent)
    const lines = withoutRunningHeads(await readPages(pdf, budget))
    if (maps.failure !== undefined) throw maps.failure
    judge(lines, scan)
    const { info } = await settled(pdf.getMetadata())
    const bookmarks = await bookmarksOf(pdf)
    const { text, outline } = compose(lines, bookmarks)
    const { metadata, ...said } = informationOf({ ...info })
    yield { key: '', ...said, metadata, format: 'extracted', text, outline, pages }
  } finally {
    // It waits for text that nobody takes any more; the memory is given back all the same.
    await settled(pdf.loadingTask.destroy(), CLOSING_MS).catch(() => undefined)
  }
}

/** pdf.js goes on without a character map that it does not get, so why there was none is kept here. */
interface Maps {
  failure?: Error
}

async function open(data: Uint8Array<ArrayBuffer>, file: FileToParse, maps: Maps): Promise<PdfDocument> {
  const { getDocumentProxy } = await import('unpdf')
  const read = (name: string) =>
    file.readCMap(name).catch((error: unknown) => {
      maps.failure = error instanceof Error ? error : new Error('a character map could not be read')
      return undefined
    })
  /** pdf.js makes one and asks it for character maps; it asks for fonts as well, which text does without. */
  class CharacterMaps {
    async fetch({ kind, filename }: { kind: string; filename: string }): Promise<Uint8Array> {
      const name = /^([\w-]+)\.bcmap$/.exec(filename)?.[1]
      const map = kind === 'cMapUrl' && name !== undefined ? await read(name) : undefined
      if (map === undefined) throw new Error('there is no such map')
      // Its buffer is handed over, so it may be nobody else's.
      return map.slice()
    }
  }
  try {
    const options = {
      BinaryDataFactory: CharacterMaps,
      cMapUrl: 'cmaps/',
      cMapPacked: true,
      useWorkerFetch: false,
      useSystemFonts: false,
      disableFontFace: true,
      useWasm: false,
      isOffscreenCanvasSupported: false,
      isImageDecoderSupported: false,
      enableXfa: false,
      maxImageSize: 0,
      verbosity: 0,
    }
    return await settled(getDocumentProxy(data, options))
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException') throw new FileFault('encrypted_file')
    throw new FileFault('malformed_file')
  }
}

/** The lines of every page in reading order. */
async function readPages(pdf: PdfDocument, budget: ParseBudget): Promise<Line[][]> {
  const pages: Line[][] = []
  for (let number = 1; number <= pdf.numPages; number++) {
    const page = await settled(pdf.getPage(number)).catch(() => {
      throw new FileFault('malformed_file', `page ${number} cannot be read`)
    })
    const lines = readingOrder(await readFragments(page, budget))
    page.cleanup()
    budget.hold(lines.reduce((sum, { text }) => sum + 2 * text.length + LINE_BYTES, 0))
    pages.push(lines)
    if (number % PAGES_PER_CLEANUP === 0) await settled(pdf.cleanup())
    if (number % PAGES_PER_TURN === 0) await budget.turn()
  }
  return pages
}

async function readFragments(page: PdfPage, budget: ParseBudget) {
  const items: TextItem[] = []
  const vertical = new Set<string>()
  let length = 0
  const reader = page.streamTextContent({ disableNormalization: true }).getReader()
  const next = () =>
    settled(reader.read()).catch(() => {
      throw new FileFault('malformed_file')
    })
  for (let part = await next(); !part.done; part = await next()) {
    for (const [font, style] of Object.entries(part.value.styles)) if (style.vertical === true) vertical.add(font)
    for (const item of part.value.items) {
      if (!('str' in item)) continue
      items.push(item)
      length += item.str.length
      budget.step(STEPS_PER_ITEM + (item.str.length >> 2))
    }
    if (length > MAX_PAGE_LENGTH || items.length > MAX_PAGE_ITEMS) throw new FileFault('too_complex')
  }
  return fragmentsOf(items, vertical).fragments
}

/** The outcome of `promise`, unless there never is one. */
async function settled<T>(promise: Promise<T>, patienceMs = STALLED_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FileFault('malformed_file')), patienceMs)
  })
  try {
    return await Promise.race([promise, stalled])
  } finally {
    clearTimeout(timer)
  }
}

/** Pages without text are scans, or nothing. @throws FileFault */
function judge(pages: readonly (readonly Line[])[], scan: Prescan): void {
  let letters = 0
  for (const lines of pages) for (const { text } of lines) letters += text.match(/[\p{L}\p{N}]/gu)?.length ?? 0
  if (letters < MIN_PAGE_LETTERS * pages.length && scan.largeImages * 2 >= pages.length && scan.largeImages > 0) {
    throw new FileFault('needs_ocr')
  }
  if (letters === 0) throw new FileFault('no_text')
}

/** The file's own outline; a damaged one is none. */
async function bookmarksOf(pdf: PdfDocument): Promise<Bookmark[]> {
  const roots = await settled(pdf.getOutline()).catch(() => null)
  const bookmarks: Bookmark[] = []
  const stack = (roots ?? []).map((item) => ({ item, level: 1 })).reverse()
  for (let next = stack.pop(); next !== undefined && bookmarks.length < MAX_BOOKMARKS; next = stack.pop()) {
    const { item, level } = next
    bookmarks.push({ title: item.title, level })
    for (const child of (item.items ?? []).toReversed()) stack.push({ item: child, level: level + 1 })
  }
  return bookmarks
}
