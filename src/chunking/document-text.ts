/** What a document's text is made of, as far as cutting it needs to know. */

export type TextFormat = 'text' | 'markdown' | 'html'

export type BlockKind = 'heading' | 'paragraph' | 'list' | 'table' | 'code'

/** A block of an extracted text that carries structure the text itself no longer shows (html). */
export interface OutlineBlock {
  /** UTF-16 offsets into the text, half-open. */
  readonly start: number
  readonly end: number
  readonly kind: BlockKind
  /** 1–6 for headings. */
  readonly level?: number
}

/** Counts a text in a model's own tokens, without special tokens. */
export type CountTokens = (text: string) => number
