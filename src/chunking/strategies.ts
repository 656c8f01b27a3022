/**
 * What may stand together in a chunk, by strategy: a document falls into groups of pieces, no chunk crosses from one group into
 * another, and each group is packed by itself.
 */
import { codeOutline, pathIn, type CodeDefinition } from './code-blocks.ts'
import { languageOf } from './code-language.ts'
import type { OutlineBlock } from './document-text.ts'
import { blocksOf, sectionsIn, truncateHeading, type Heading, type SectionDocument } from './sections.ts'
import { isTableDelimiter } from './markdown-blocks.ts'
import { linesOf, unitsOf, type Grain, type Piece } from './split.ts'

export const STRATEGIES = ['recursive', 'sentence', 'page', 'row', 'none'] as const
/** `none` makes one chunk of the whole text. */
export type Strategy = (typeof STRATEGIES)[number]

export interface Group {
  /** What a slice of the group stands under, outermost first. */
  readonly pathOf: (start: number, end: number) => readonly Heading[]
  readonly pieces: readonly Piece[]
  /** The group is one chunk where it fits; else these are packed. */
  readonly instead?: readonly Group[]
  /** The header row of the table that the pieces are rows of; stands in the prefix. */
  readonly header?: Heading
}

export interface Grouping {
  readonly groups: readonly Group[]
  /** Whether pieces that fit stay whole even where a heading is left alone. */
  readonly keepWhole: boolean
  /** Where the pages lie that the text itself marks. */
  readonly pages?: readonly OutlineBlock[]
}

export interface GroupedDocument extends SectionDocument {
  readonly id?: string
  readonly title?: string
}

/** Groups a document's text; the groups cover all of it but white space, in order. */
export function groupsOf(document: GroupedDocument, strategy: Exclude<Strategy, 'none'>): Grouping {
  if (strategy === 'page') {
    const pages = pagesOf(document)
    if (pages !== undefined) return pages
  }
  if (document.format === 'code') return { groups: codeGroups(document), keepWhole: strategy === 'sentence' }
  if (strategy === 'row') return { groups: rowGroups(document), keepWhole: true }
  const groups = sectionGroups(document, blocksOf(document))
  if (strategy !== 'sentence') return { groups, keepWhole: false }
  return { groups: groups.map((group) => inSentences(document.text, group)), keepWhole: true }
}

function sectionGroups(
  document: SectionDocument,
  blocks: readonly OutlineBlock[],
  before?: readonly Heading[],
): Group[] {
  return sectionsIn(document, blocks, before).map(({ path, pieces }) => ({ pathOf: () => path, pieces }))
}

const SENTENCES: ReadonlySet<Grain> = new Set(['heading', 'sentence', 'row', 'record'])

function inSentences(text: string, group: Group): Group {
  return { ...group, pieces: group.pieces.flatMap((piece) => unitsOf(text, piece, SENTENCES)) }
}

// ---- code ----

function codeGroups(document: GroupedDocument): Group[] {
  const { text, id, title } = document
  const language = languageOf([id, title], text)
  if (language === undefined) return sectionGroups(document, blocksOf(document))
  const { blocks, definitions } = codeOutline(text, language)
  const headings = new Map<CodeDefinition, Heading>()
  const headingOf = (definition: CodeDefinition): Heading => {
    let heading = headings.get(definition)
    if (heading === undefined) {
      heading = { level: 1, text: truncateHeading(definition.signature), start: definition.start }
      headings.set(definition, heading)
    }
    return heading
  }
  const pieces = blocks.map(({ start, end }): Piece => ({ start, end, grain: 'definition', isHeading: false }))
  if (pieces.length === 0) return []
  return [{ pieces, pathOf: (start, end) => pathIn(definitions, start, end).map(headingOf) }]
}

// ---- pages ----

/** `undefined` for a text without pages. */
function pagesOf(document: GroupedDocument): Grouping | undefined {
  const blocks = blocksOf(document)
  if (blocks.some(({ page }) => page !== undefined)) {
    let page = blocks.find((block) => block.page !== undefined)?.page ?? 1
    const numbered = blocks.map((block) => ({ ...block, page: (page = block.page ?? page) }))
    return { groups: pageGroups(document, numbered), keepWhole: false }
  }
  if (!document.text.includes('\f')) return undefined
  const pages = cutAtFormFeeds(document.text, blocks)
  return { groups: pageGroups(document, pages), keepWhole: false, pages }
}

function pageGroups(document: SectionDocument, blocks: readonly OutlineBlock[]): Group[] {
  const groups: Group[] = []
  let before: readonly Heading[] = []
  for (let from = 0; from < blocks.length;) {
    let to = from + 1
    while (to < blocks.length && blocks[to]?.page === blocks[from]?.page) to++
    const sections = sectionsIn(document, blocks.slice(from, to), before)
    const path = sections[0]?.path ?? before
    groups.push({
      pathOf: () => path,
      pieces: sections.flatMap(({ pieces }) => pieces),
      instead: sections.map((section) => ({ pathOf: () => section.path, pieces: section.pieces })),
    })
    before = sections.at(-1)?.path ?? before
    from = to
  }
  return groups
}

function cutAtFormFeeds(text: string, blocks: readonly OutlineBlock[]): OutlineBlock[] {
  const cut: OutlineBlock[] = []
  let page = 1
  let at = 0
  const goTo = (end: number): void => {
    for (let feed = text.indexOf('\f', at); feed !== -1 && feed < end; feed = text.indexOf('\f', at)) {
      page++
      at = feed + 1
    }
    at = Math.max(at, end)
  }
  for (const block of blocks) {
    for (let start = block.start; start < block.end;) {
      goTo(start)
      const feed = text.indexOf('\f', start)
      const end = feed === -1 ? block.end : Math.min(feed, block.end)
      const part = text.slice(start, end)
      const words = part.trim()
      const begin = start + part.length - part.trimStart().length
      if (words !== '') cut.push({ ...block, start: begin, end: begin + words.length, page })
      start = end + 1
    }
  }
  return cut
}

// ---- rows ----

interface Table {
  /** Its header row, and the line below it in Markdown. */
  readonly lead: Piece | undefined
  readonly header: Heading | undefined
  readonly rows: readonly Piece[]
}

function rowGroups(document: GroupedDocument): Group[] {
  const { text } = document
  const groups: Group[] = []
  for (const { path, pieces } of sectionsIn(document, blocksOf(document))) {
    const pathOf = () => path
    let others: Piece[] = []
    const flush = (): void => {
      if (others.length > 0) groups.push({ pathOf, pieces: others })
      others = []
    }
    for (const piece of pieces) {
      const table = tableOf(text, piece)
      if (table === undefined) {
        others.push(piece)
        continue
      }
      // A heading, and the header row, stand with the first row.
      const headings = others.every(({ isHeading }) => isHeading) ? others : []
      if (headings.length > 0) others = []
      flush()
      const { header } = table
      const lead = table.lead === undefined ? headings : [...headings, table.lead]
      if (table.rows.length === 0) groups.push({ pathOf, pieces: lead })
      for (const [index, row] of table.rows.entries()) {
        const of = header === undefined ? {} : { header }
        groups.push({ pathOf, pieces: index === 0 ? [...lead, row] : [row], ...of })
      }
    }
    flush()
  }
  return groups
}

/** The rows of a piece; `undefined` where it has none. */
function tableOf(text: string, piece: Piece): Table | undefined {
  // Parsers of files write the names of the columns into every record.
  if (piece.grain === 'record') return { lead: undefined, header: undefined, rows: [piece] }
  if (piece.grain !== 'table' && piece.grain !== 'paragraph') return undefined
  const lines = linesOf(text, piece)
  const [first, second] = lines
  if (first === undefined || second === undefined) return undefined
  const isDelimited = isTableDelimiter(text.slice(second.start, Math.min(second.end, second.start + 1_000)))
  if (piece.grain === 'paragraph' && !isDelimited) {
    if (!lines.every(({ start, end }) => text.slice(start, end).includes('\t'))) return undefined
  }
  const end = isDelimited ? second.end : first.end
  const rows = lines
    .slice(isDelimited ? 2 : 1)
    .map((line): Piece => ({ start: line.start, end: line.end, grain: 'row', isHeading: false }))
  const lead: Piece = { start: first.start, end, grain: 'table', isHeading: true }
  return { lead, header: headerOf(text, first), rows }
}

/** The names of the columns, told apart by bars. */
function headerOf(text: string, { start, end }: { readonly start: number; readonly end: number }): Heading {
  const line = text.slice(start, Math.min(end, start + 1_000))
  const names = line
    .replace(/^\s*\|/, '')
    .replace(/\|\s*$/, '')
    .split(/\t|\|/)
    .map((name) => name.replace(/\s+/g, ' ').trim())
  return {
    level: 7,
    text: names
      .filter((name) => name !== '')
      .join(' | ')
      .toWellFormed(),
    start,
  }
}
