/**
 * Where is a document cut? By default recursive and structure-aware: never across a heading; lists, tables and code whole where
 * they fit; then at sentences, phrases, words and, in endless strings, characters. A chunk is always one contiguous slice of
 * the text, trimmed of white space; a heading belongs to the chunk that it opens. O(length) with O(length / size) calls of
 * `countTokens`, each on a text of bounded length. Chunks that the caller cut are taken as they are.
 */
import { invariant } from '../core/invariant.ts'
import type { CountTokens, Location, OutlineBlock, TextFormat } from './document-text.ts'
import { LocationReader } from './location.ts'
import { Packer, type Slice } from './packer.ts'
import { PrefixBuilder } from './prefix.ts'
import type { Heading } from './sections.ts'
import { groupsOf, type Grouping, type Strategy } from './strategies.ts'

export interface ChunkingSettings {
  readonly strategy: Strategy
  /** Most tokens of a chunk's text, without prefix and special tokens. */
  readonly size: number
  /** Most tokens that a chunk repeats from the end of the chunk before it; whole sentences, items or rows only. */
  readonly overlap: number
}

export const DEFAULT_CHUNKING: ChunkingSettings = { strategy: 'recursive', size: 200, overlap: 20 }

export interface Chunk {
  /** UTF-16 offsets into the document's text, half-open. */
  readonly start: number
  readonly end: number
  /** Outermost first; includes a heading that stands in the chunk itself. */
  readonly headings: string[]
  /** Stands before the text in what is embedded and indexed (see `indexedText`); may be empty. */
  readonly prefix: string
  /** Of the chunk's text alone. */
  readonly tokens: number
  /** Whether prefix and text together are more than the model sees. */
  readonly truncated: boolean
  /** Where it stands in its file, as the outline says. */
  readonly location?: Location
}

export interface ChunkDocument {
  /** Of files their name, whose ending tells the language of code. */
  readonly id?: string
  readonly text: string
  readonly format: TextFormat
  readonly outline?: readonly OutlineBlock[]
  readonly title?: string
}

/** Tokens that models add around an input: two in BERT's family. */
const SPECIAL_TOKENS = 2

/**
 * Cuts a document, in order: starts and ends ascend, and all text but white space is covered. A text of white space has no
 * chunks. `maxTokens` is what the model sees of one input, special tokens included; the prefix is cut to leave room for the text.
 * Cutting ends early once there are more than `maxChunks`: the caller refuses such a document.
 */
export function chunk(
  document: ChunkDocument,
  settings: ChunkingSettings,
  options: { readonly countTokens: CountTokens; readonly maxTokens: number; readonly maxChunks?: number },
): Chunk[] {
  const { countTokens, maxTokens, maxChunks = Infinity } = options
  invariant(settings.size > 0 && settings.overlap >= 0 && settings.overlap < settings.size, 'overlap is below size')
  const prefixes = new PrefixBuilder(document.title, countTokens)
  const own = isCallers(document) ? document.outline : undefined
  const { groups, keepWhole, pages } =
    own !== undefined || settings.strategy === 'none' ? NO_GROUPS : groupsOf(document, settings.strategy)
  const locations = new LocationReader(pages ?? document.outline)
  const finish = (slice: Slice, path: readonly Heading[], header?: Heading): Chunk => {
    const room = maxTokens - SPECIAL_TOKENS - slice.tokens
    // A text that the model cuts anyway gives up its end for the title.
    const budget = room < 0 ? maxTokens : room
    const text = document.text.slice(slice.start, slice.end)
    const prefix = prefixes.build(text, slice.start, slice.end, header === undefined ? path : [...path, header], budget)
    const location = locations.of(slice.start, slice.end)
    return {
      start: slice.start,
      end: slice.end,
      headings: path.map((heading) => heading.text),
      prefix,
      tokens: slice.tokens,
      truncated: slice.tokens + prefixes.tokens(prefix) + SPECIAL_TOKENS > maxTokens,
      ...(location === undefined ? {} : { location }),
    }
  }
  if (own !== undefined) {
    return own.map(({ start, end, headings = [] }) => {
      const path = headings.map((heading, level) => ({ level: level + 1, text: heading, start: -1 }))
      return finish({ start, end, tokens: countTokens(document.text.slice(start, end)) }, path)
    })
  }
  if (settings.strategy === 'none') {
    const trimmed = document.text.trim()
    if (trimmed === '') return []
    const start = document.text.length - document.text.trimStart().length
    return [finish({ start, end: start + trimmed.length, tokens: countTokens(trimmed) }, [])]
  }
  const packer = new Packer(document.text, { ...settings, keepWhole }, countTokens)
  const chunks: Chunk[] = []
  const waiting = groups.toReversed()
  for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
    const { pieces, pathOf, header, instead } = group
    const whole = instead === undefined ? undefined : packer.whole(pieces)
    if (instead !== undefined && whole === undefined) {
      for (const part of instead.toReversed()) waiting.push(part)
      continue
    }
    for (const slice of whole === undefined ? packer.pack(pieces, maxChunks - chunks.length) : [whole]) {
      chunks.push(finish(slice, pathOf(slice.start, slice.end), header))
      if (chunks.length > maxChunks) return chunks
    }
  }
  return chunks
}

const NO_GROUPS: Grouping = { groups: [], keepWhole: false }

/** Whether the outline is the caller's own chunks. */
function isCallers({ outline }: ChunkDocument): boolean {
  return outline !== undefined && outline.length > 0 && outline.every(({ kind }) => kind === 'chunk')
}
