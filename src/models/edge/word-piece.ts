/**
 * The tokenizer of BERT uncased (Devlin et al. 2019; WordPiece by greedy longest match), token for token the same as
 * Hugging Face `tokenizers` with BertNormalizer, BertPreTokenizer and WordPiece. Text is untrusted: special tokens spelled
 * out in it, such as `[SEP]`, are ordinary characters, as with the reference's `encode_special_tokens = True`; by default
 * the reference would let a text inject them.
 */
import { invariant } from '../../core/invariant.ts'
import { DROPPED, IDEOGRAPH, MARK, PLAIN, PUNCTUATION, WHITE_SPACE } from './character-classes.ts'
import { LENGTH_BITS, LENGTH_MASK, type Vocabulary } from './vocabulary.ts'

/** Longer words are one unknown token, in code points. */
const MAX_WORD_CHARACTERS = 100

// What a character of normalised text does to the word before it.
const UNKNOWN = 0
const LETTER = 1
const SPACE = 2
/** Punctuation and ideographs: a word of their own. */
const ALONE = 3

/** Cleans, sets ideographs apart, removes accents, lowers: BertNormalizer, in its order. */
function normalise(text: string): string {
  if (PLAIN.test(text)) return text.toLowerCase()
  const spaced = text.replace(DROPPED, '').replace(WHITE_SPACE, ' ').replace(IDEOGRAPH, ' $& ')
  // The reference lowers one character at a time, so a final sigma stays an ordinary one.
  return spaced.normalize('NFD').replace(MARK, '').replaceAll('Σ', 'σ').toLowerCase()
}

export class WordPiece {
  readonly #vocabulary: Vocabulary
  readonly #unknown: number
  readonly #start: number
  readonly #end: number
  /** Classes of UTF-16 units outside surrogates, looked up once. */
  readonly #classes = new Uint8Array(65_536)

  constructor(vocabulary: Vocabulary) {
    const special = (word: string): number => {
      const id = vocabulary.find(word)
      invariant(id !== undefined, `the vocabulary has ${word}`)
      return id
    }
    this.#vocabulary = vocabulary
    this.#unknown = special('[UNK]')
    this.#start = special('[CLS]')
    this.#end = special('[SEP]')
  }

  /** Bytes held, the vocabulary's included. */
  get bytes(): number {
    return this.#vocabulary.bytes + this.#classes.byteLength
  }

  /** Ids with `[CLS]` in front and `[SEP]` behind, at most `maxTokens` of them: the rest of the text is cut. */
  encode(text: string, maxTokens: number): Uint32Array {
    const ids = [this.#start]
    this.#walk(text, maxTokens - 1, ids)
    if (ids.length > maxTokens - 1) ids.length = maxTokens - 1
    ids.push(this.#end)
    return Uint32Array.from(ids)
  }

  /** Number of tokens without `[CLS]` and `[SEP]`. O(length). */
  count(text: string): number {
    const ids: number[] = []
    this.#walk(text, Number.POSITIVE_INFINITY, ids)
    return ids.length
  }

  /** Appends the ids of `text`, stopping soon after there are `limit` of them. */
  #walk(text: string, limit: number, ids: number[]): void {
    const normal = normalise(text)
    let wordStart = -1
    for (let i = 0; i < normal.length && ids.length < limit; i++) {
      const unit = normal.charCodeAt(i)
      const isPair = unit >= 0xd800 && unit < 0xdc00
      const kind = isPair ? classOf(normal.codePointAt(i)!) : this.#classOfUnit(unit)
      if (kind === LETTER) {
        if (wordStart < 0) wordStart = i
      } else {
        if (wordStart >= 0) this.#word(normal, wordStart, i, ids)
        wordStart = -1
        if (kind === ALONE) this.#word(normal, i, isPair ? i + 2 : i + 1, ids)
      }
      if (isPair) i++
    }
    if (wordStart >= 0 && ids.length < limit) this.#word(normal, wordStart, normal.length, ids)
  }

  /** Appends the ids of one word: the longest match each time, or one unknown token for the whole. */
  #word(text: string, start: number, end: number, ids: number[]): void {
    const mark = ids.length
    if (end - start > MAX_WORD_CHARACTERS && Array.from(text.slice(start, end)).length > MAX_WORD_CHARACTERS) {
      ids.push(this.#unknown)
      return
    }
    let at = start
    while (at < end) {
      const match = this.#vocabulary.longest(text, at, end, at === start)
      if (match === 0) {
        ids.length = mark
        ids.push(this.#unknown)
        return
      }
      ids.push(match >>> LENGTH_BITS)
      at += match & LENGTH_MASK
    }
  }

  #classOfUnit(unit: number): number {
    const known = this.#classes[unit]!
    if (known !== UNKNOWN) return known
    const found = classOf(unit)
    this.#classes[unit] = found
    return found
  }
}

/** Ideographs need no case of their own: they stand between spaces already. */
function classOf(codePoint: number): number {
  if (codePoint === 0x20 || codePoint === 9 || codePoint === 10 || codePoint === 13) return SPACE
  return PUNCTUATION.test(String.fromCodePoint(codePoint)) ? ALONE : LETTER
}
