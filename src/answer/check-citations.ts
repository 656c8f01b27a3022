/**
 * The check between a generator and its reader: a citation is sent only if its quote stands, character for character,
 * where it says, and a sentence counts as supported only if its words stand in its quotes. No generator is trusted.
 */
import { locationOf } from '../chunking/location.ts'
import type { GeneratedAnswer } from '../models/generator.ts'
import type { ContextChunk, Hit } from '../search/search-request.ts'
import { words } from '../text/words.ts'
import { withoutMarks } from './extractive/plain-text.ts'
import type { Citation, GroundedSentence } from './answer-request.ts'

export interface CheckedCitations {
  readonly citations: readonly Citation[]
  readonly sentences: readonly GroundedSentence[]
}

/** Checks what was generated from passages that are `hits`, in their order. Sentences without a valid quote are dropped. */
export function checkCitations(generated: GeneratedAnswer, hits: readonly Hit[]): CheckedCitations {
  const citations: Citation[] = []
  const known = new Map<string, number>()
  const sentences: GroundedSentence[] = []
  for (const { text, quotes } of generated.sentences) {
    const indexes = new Set<number>()
    for (const { passage, start, end } of quotes) {
      const hit = hits[passage]
      const citation = hit === undefined ? undefined : citationOf(hit, start, end)
      if (citation === undefined) continue
      const key = JSON.stringify([citation.documentId, citation.start, citation.end])
      const index = known.get(key) ?? citations.push(citation) - 1
      known.set(key, index)
      indexes.add(index)
    }
    if (indexes.size === 0) continue
    const quoted = [...indexes].map((index) => citations[index]?.quote ?? '')
    sentences.push({ text, supported: standsIn(text, quoted), citations: [...indexes] })
  }
  return { citations, sentences }
}

/** `undefined` unless the offsets mark a part of the hit's text, or of its context, that has words and parts no character. */
function citationOf(hit: Hit, start: number, end: number): Citation | undefined {
  const source = hit.context ?? hit
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end <= start || end > source.text.length)
    return undefined
  const quote = source.text.slice(start, end)
  if (quote.trim() === '' || !quote.isWellFormed()) return undefined
  const chunk = chunkAt(hit, source.start + start)
  return {
    documentId: hit.documentId,
    chunkId: chunk.id,
    start: source.start + start,
    end: source.start + end,
    quote,
    ...(hit.title === undefined ? {} : { title: hit.title }),
    ...(hit.url === undefined ? {} : { url: hit.url }),
    ...(chunk.headings === undefined ? {} : { headings: chunk.headings }),
    ...locationOf(chunk),
  }
}

/** The chunk that the quote begins in, the hit's own where it can be; `at` is an offset into the document's text. */
function chunkAt(hit: Hit, at: number): Hit | ContextChunk {
  const { context } = hit
  if (context === undefined || (hit.start <= at && at < hit.end)) return hit
  return context.chunks.findLast(({ start }) => start <= at) ?? hit
}

function standsIn(text: string, quotes: readonly string[]): boolean {
  const quoted = new Set(
    quotes.flatMap((quote) => [...words(quote), ...words(withoutMarks(quote))].map((word) => word.text)),
  )
  return words(text).every((word) => quoted.has(word.text))
}
