/**
 * Which model inside the Worker fits, where nobody has named one: the languages of the first texts decide. Between English and
 * everything else only: the English model reads no other language, the multilingual one reads all that it knows.
 */
import { detectLanguage, primarySubtag } from '../text/language.ts'
import type { EmbeddingModel } from './model.ts'
import { EDGE_EN_MODEL, EDGE_MULTILINGUAL_MODEL } from './product-models.ts'
import { EDGE_EN, EDGE_MULTILINGUAL } from './profiles.ts'

/** Some of many texts, spread evenly over all of them, and of a long one its beginning, middle and end. */
const MAX_TEXTS = 24
const MAX_PIECES = 3
/** In UTF-16 units; with all pieces a choice takes some 20 ms of CPU at most, once in the life of a collection. */
const PIECE_LENGTH = 1_000

export interface TextToRead {
  readonly text: string
  /** As declared, BCP 47, which is believed; `auto` and nothing at all leave it to the text. */
  readonly language?: string | undefined
}

/**
 * Every piece of a text has one vote. Pieces whose language is undetermined, or known to neither model, have none. English with
 * more than half of the votes, or nobody voting, means `edge-en`; everything else means `edge-multilingual`.
 */
export function modelOfTexts(texts: readonly TextToRead[]): EmbeddingModel {
  let english = 0
  let other = 0
  for (const { text, language = 'auto' } of spread(texts, MAX_TEXTS)) {
    for (const piece of piecesOf(text)) {
      const subtag = language === 'auto' ? detectLanguage(piece) : primarySubtag(language)
      if (EDGE_EN.languages.includes(subtag)) english++
      else if (EDGE_MULTILINGUAL.languages.includes(subtag)) other++
    }
  }
  return other > 0 && other >= english ? EDGE_MULTILINGUAL_MODEL : EDGE_EN_MODEL
}

function spread<T>(all: readonly T[], most: number): T[] {
  const step = Math.max(1, all.length / most)
  const chosen: T[] = []
  for (let place = 0; place < all.length && chosen.length < most; place += step) {
    const item = all[Math.floor(place)]
    if (item !== undefined) chosen.push(item)
  }
  return chosen
}

function piecesOf(text: string): string[] {
  const count = Math.min(MAX_PIECES, Math.max(1, Math.floor(text.length / PIECE_LENGTH)))
  const gap = count === 1 ? 0 : (text.length - PIECE_LENGTH) / (count - 1)
  return Array.from({ length: count }, (_, number) => {
    const start = Math.floor(number * gap)
    // A piece may begin or end inside a pair.
    return text.slice(start, start + PIECE_LENGTH).toWellFormed()
  })
}
