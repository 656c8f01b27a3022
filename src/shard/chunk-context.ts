/** A chunk with its neighbours, as a search may ask for them. */
import type { Location } from '../chunking/document-text.ts'

/** Neighbours that come with a chunk: so many before and after it, or those under the same headings around it. */
export type Expansion = { readonly before: number; readonly after: number } | 'section'

/** A chunk and its neighbours as one stretch of their document. */
export interface ChunkContext {
  /** The document's text from `start` to `end`. */
  readonly text: string
  readonly start: number
  readonly end: number
  /** The chunks in it, in order; they may overlap. */
  readonly chunks: readonly ContextChunk[]
}

export interface ContextChunk {
  readonly ordinal: number
  readonly start: number
  readonly end: number
  readonly headings: readonly string[]
  readonly location?: Location
}
