/** What can be quoted from a passage: sentences, list items, whole lists, table rows; each with what it stands under. */
import { markdownBlocks, headingText } from '../../chunking/markdown-blocks.ts'
import type { OutlineBlock } from '../../chunking/document-text.ts'
import type { Passage } from '../../models/generator.ts'
import { sentences } from '../../text/sentences.ts'

export interface Candidate {
  /** Index of the passage. */
  readonly passage: number
  /** UTF-16 offsets into the passage's text, half-open. */
  readonly start: number
  readonly end: number
  readonly text: string
  readonly kind: 'sentence' | 'item' | 'list' | 'row'
  /** What it stands under: title, headings, the header of the table. */
  readonly context: string
  /** The question that it answers in a text of questions and answers; empty elsewhere. */
  readonly question: string
  /** The sentence before, where the candidate refers back to it ("It …"); else empty. */
  readonly before: string
}

/** A list that is quoted whole has at most this many UTF-16 units. */
const MAX_WHOLE_LENGTH = 1_200
/** Longer items and cells are quoted by sentence. */
const MAX_ITEM_LENGTH = 400
const REFERS_BACK =
  /^(?:[\p{L}]+,? ){0,2}(?:it|its|they|their|them|he|his|him|she|her|this|these|those|both|er|sie|es|ihr|diese[rs]?|il|elle|ils|elles|ce|cette|ces|ella|esta?|esto|egli|questa?|questo)\b|^(?:the|above that)\b/iu
const FENCE = /^(?:`{3,}|~{3,})([^\n]*)$/gm
/** A line of a terminal, which a passage from the midst of a code block holds without a fence. */
const COMMAND = /^(?:[$] |curl -)/m
const ITEM_MARK = /^[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+/

/** Lists the candidates of a passage in order. */
export function candidatesOf(passage: Passage, index: number, language: string): Candidate[] {
  return new CandidateReader(passage, index, language).read()
}

class CandidateReader {
  readonly #text: string
  readonly #passage: number
  readonly #language: string
  readonly #found: Candidate[] = []
  readonly #outer: string
  #heading = ''
  /** A question in the text is context of what follows: in a list of questions and answers it is no answer. */
  #question = ''
  #before: { start: number; text: string } | undefined

  constructor(passage: Passage, index: number, language: string) {
    this.#text = passage.text
    this.#passage = index
    this.#language = language
    this.#outer = [passage.title ?? '', ...passage.headings].filter((part) => part !== '').join('. ')
  }

  read(): Candidate[] {
    const from = endOfOpenCode(this.#text)
    for (const found of markdownBlocks(this.#text.slice(from))) {
      const block = { ...found, start: found.start + from, end: found.end + from }
      if (block.kind === 'heading') {
        this.#heading = headingText(this.#text.slice(block.start, block.end))
        this.#question = ''
        this.#before = undefined
      } else if (block.kind === 'list') this.#list(block)
      else if (block.kind === 'table') this.#table(block)
      else if (block.kind === 'code' || COMMAND.test(this.#text.slice(block.start, block.end))) this.#before = undefined
      else if (this.#text[block.start] === '|') this.#rows(linesOf(this.#text, block), '')
      else this.#paragraph(block)
    }
    return this.#found
  }

  #push(kind: Candidate['kind'], start: number, end: number, header = ''): void {
    const text = this.#text.slice(start, end)
    if (!/[\p{L}\p{N}]/u.test(text)) return
    const context = [this.#outer, this.#heading, header].filter((part) => part !== '').join('. ')
    const before = kind === 'sentence' && REFERS_BACK.test(text) ? (this.#before?.text ?? '') : ''
    this.#found.push({ passage: this.#passage, start, end, text, kind, context, question: this.#question, before })
  }

  #paragraph(block: OutlineBlock): void {
    const spans = sentences(this.#text.slice(block.start, block.end), this.#language)
    for (const [index, span] of spans.entries()) {
      const start = block.start + span.start
      const end = block.start + span.end
      const text = this.#text.slice(start, end)
      if (/\?["'”’»)*_]*$/.test(text)) {
        this.#question = text
        this.#before = undefined
        const answer = spans[index + 1]
        const blockEnd = block.start + (spans.at(-1)?.end ?? 0)
        if (answer !== undefined && index + 2 < spans.length && blockEnd - end <= MAX_ITEM_LENGTH) {
          this.#push('sentence', block.start + answer.start, blockEnd)
        }
        continue
      }
      this.#push(text.includes('\t') ? 'row' : 'sentence', start, end)
      this.#before = { start, text }
    }
  }

  /** Where a block that the sentence before introduces ("To do this:") begins: with that sentence. */
  #introducedFrom(block: OutlineBlock): number {
    return this.#before !== undefined && /[:：][*_]*$/.test(this.#before.text) ? this.#before.start : block.start
  }

  #list(block: OutlineBlock): void {
    const from = this.#introducedFrom(block)
    const isIntroduced = from < block.start
    const items = itemsOf(this.#text, block)
    for (const item of items) {
      if (item.end - item.start <= MAX_ITEM_LENGTH) this.#push('item', item.start, item.end)
      else {
        for (const span of sentences(this.#text.slice(item.start, item.end), this.#language)) {
          this.#push('sentence', item.start + span.start, item.start + span.end)
        }
      }
    }
    if (items.length > 1 && block.end - from <= MAX_WHOLE_LENGTH && (isIntroduced || this.#heading !== '')) {
      this.#push('list', from, block.end)
    }
    this.#before = undefined
  }

  #table(block: OutlineBlock): void {
    const [header, delimiter, ...rows] = linesOf(this.#text, block)
    if (header === undefined || delimiter === undefined) return
    const columns = this.#text.slice(header.start, header.end)
    this.#rows(rows, columns)
  }

  /** Rows of a table, also of one whose header a chunk before has. */
  #rows(rows: readonly Span[], columns: string): void {
    for (const row of rows) this.#push('row', row.start, row.end, columns)
    this.#before = undefined
  }
}

/**
 * Where the code ends in which a passage begins, when its chunk was cut within a fenced block; else 0. A fence closes if it
 * is bare, nothing stands on the next line, and no other is left to pair it with.
 */
function endOfOpenCode(text: string): number {
  const fences = [...text.matchAll(FENCE)]
  const [first] = fences
  if (first === undefined || fences.length % 2 === 0) return 0
  const end = first.index + first[0].length
  return first[1] === '' && /^(?:\n[ \t]*)?(?:\n|$)/.test(text.slice(end)) ? end : 0
}

interface Span {
  readonly start: number
  readonly end: number
}

function linesOf(text: string, block: OutlineBlock): Span[] {
  const found: Span[] = []
  for (const match of text.slice(block.start, block.end).matchAll(/\S(?:[^\n]*\S)?/g)) {
    found.push({ start: block.start + match.index, end: block.start + match.index + match[0].length })
  }
  return found
}

/** Items without their marks; lines of an item that have no mark belong to it. */
function itemsOf(text: string, block: OutlineBlock): Span[] {
  const items: { start: number; end: number }[] = []
  for (const line of linesOf(text, block)) {
    const mark = ITEM_MARK.exec(text.slice(line.start, line.end))
    const last = items.at(-1)
    if (mark !== null || last === undefined) items.push({ start: line.start + (mark?.[0].length ?? 0), end: line.end })
    else last.end = line.end
  }
  return items.filter((item) => item.end > item.start)
}
