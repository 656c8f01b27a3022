/** What a document's text is made of, as far as cutting it needs to know. */

/** `html`, `extracted`: a text that was taken out of something, with an outline. `code`: source code. */
export type TextFormat = 'text' | 'markdown' | 'html' | 'extracted' | 'code'

/** `row`: a record that stands on its own. `chunk`: a passage that the caller cut. */
export type BlockKind = 'heading' | 'paragraph' | 'list' | 'table' | 'code' | 'row' | 'chunk'

/** Where a passage stands in the file that it comes from. */
export interface Location {
  /** From 1: page or slide. */
  readonly page?: number
  /** Name of a sheet. */
  readonly sheet?: string
  /** From 1, as the file counts: row of a sheet or table, line of a record file. */
  readonly row?: number
  /** Seconds from the beginning of the recording. */
  readonly startTime?: number
  readonly endTime?: number
}

/** A block of an extracted text that carries structure the text itself no longer shows (html, files). */
export interface OutlineBlock extends Location {
  /** UTF-16 offsets into the text, half-open. */
  readonly start: number
  readonly end: number
  readonly kind: BlockKind
  /** 1–6 for headings. */
  readonly level?: number
  /** Of a `chunk`: what it stands under, outermost first, as its caller says. */
  readonly headings?: readonly string[]
}

/** Counts a text in a model's own tokens, without special tokens. */
export type CountTokens = (text: string) => number
