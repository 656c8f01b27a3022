/**
 * The tokenizer of XLM-R (Kudo 2018, "Subword Regularization": the most probable segmentation of a unigram language model),
 * token for token the same as Hugging Face `tokenizers` with `Unigram` and `Metaspace`. Text is untrusted: special tokens
 * spelled out in it, such as `</s>`, are ordinary characters.
 */
import { invariant } from '../../core/invariant.ts'
import { DoubleArray } from './double-array.ts'
import type { ModelFile } from './model-file.ts'
import { characterBytes, SPACE_MARK, UnigramNormaliser } from './unigram-normaliser.ts'

const START = 0
const END = 2
const UNKNOWN = 3
/** How much less likely than the least likely piece a character is that no piece has. */
const UNKNOWN_PENALTY = 10
/** Longer runs without a space are cut here, so that the search needs little memory. The reference would look at them whole. */
const MAX_WORD_BYTES = 32_768
const FIRST_SCRATCH_BYTES = 1_024

export class Unigram {
  /** Bytes held: the file, of which everything here is a view, and scratch. */
  readonly bytes: number
  readonly #pieces: DoubleArray
  /** Logarithms of probabilities by id. */
  readonly #scores: Float32Array
  readonly #normaliser: UnigramNormaliser
  readonly #unknownScore: number
  // The best segmentation that ends before each byte of a word: its score, its last piece, and where that begins.
  #best = new Float64Array(FIRST_SCRATCH_BYTES)
  #pieceIds = new Int32Array(FIRST_SCRATCH_BYTES)
  #starts = new Int32Array(FIRST_SCRATCH_BYTES)

  /** `file`: sections `trie`, `scores`, `rules` and `outputs` of docs/model-format.md. */
  constructor(file: ModelFile) {
    const scores = file.section('scores')
    this.#pieces = new DoubleArray(file.section('trie'))
    this.#scores = new Float32Array(scores.buffer, scores.byteOffset, scores.byteLength / 4)
    this.#normaliser = new UnigramNormaliser(new DoubleArray(file.section('rules')), file.section('outputs'))
    invariant(this.#scores.length === file.shape.vocabulary, 'every piece has a score')
    let least = 0
    for (const score of this.#scores) if (score < least) least = score
    this.#unknownScore = least - UNKNOWN_PENALTY
    this.bytes = scores.buffer.byteLength + 16 * MAX_WORD_BYTES
  }

  /** Ids with `<s>` in front and `</s>` behind, at most `maxTokens` of them: the rest of the text is cut. */
  encode(text: string, maxTokens: number): Uint32Array {
    const ids = [START]
    this.#walk(text, maxTokens - 1, ids)
    if (ids.length > maxTokens - 1) ids.length = maxTokens - 1
    ids.push(END)
    return Uint32Array.from(ids)
  }

  /** Number of tokens without `<s>` and `</s>`. O(length). */
  count(text: string): number {
    const ids: number[] = []
    this.#walk(text, Number.POSITIVE_INFINITY, ids)
    return ids.length
  }

  /** Appends the ids of `text`, word by word, stopping soon after there are `limit` of them. */
  #walk(text: string, limit: number, ids: number[]): void {
    const bytes = this.#normaliser.normalise(text)
    let start = 0
    while (start < bytes.length && ids.length < limit) {
      const end = wordEnd(bytes, start)
      this.#word(bytes, start, end, ids)
      start = end
    }
  }

  /** Appends the ids of the most probable segmentation of one word (Viterbi). O(bytes · longest piece). */
  #word(bytes: Uint8Array, start: number, end: number, ids: number[]): void {
    const length = end - start
    this.#reserve(length + 1)
    const [best, pieceIds, starts] = [this.#best, this.#pieceIds, this.#starts]
    starts.fill(-1, 0, length + 1)
    best[0] = 0
    for (let i = 0; i < length;) {
      const next = i + characterBytes(bytes[start + i]!)
      const score = best[i]!
      let isKnown = false
      let node = this.#pieces.root
      for (let at = i; at < length && bytes[start + at] !== 0; at++) {
        node = this.#pieces.step(node, bytes[start + at]!)
        if (node < 0) break
        const id = this.#pieces.valueAt(node)
        if (id < 0) continue
        const candidate = score + this.#scores[id]!
        if (starts[at + 1]! < 0 || candidate > best[at + 1]!) {
          best[at + 1] = candidate
          pieceIds[at + 1] = id
          starts[at + 1] = i
        }
        if (at + 1 === next) isKnown = true
      }
      const unknown = score + this.#unknownScore
      if (!isKnown && (starts[next]! < 0 || unknown > best[next]!)) {
        best[next] = unknown
        pieceIds[next] = UNKNOWN
        starts[next] = i
      }
      i = next
    }
    const first = ids.length
    for (let at = length; at > 0; at = starts[at]!) {
      // Neighbouring unknown characters are one token.
      if (pieceIds[at] === UNKNOWN && ids.length > first && ids[ids.length - 1] === UNKNOWN) continue
      ids.push(pieceIds[at]!)
    }
    reverse(ids, first)
  }

  #reserve(entries: number): void {
    if (entries <= this.#best.length) return
    const size = Math.max(entries, 2 * this.#best.length)
    this.#best = new Float64Array(size)
    this.#pieceIds = new Int32Array(size)
    this.#starts = new Int32Array(size)
  }
}

/** A word reaches up to the next mark of a space, or to where it grows too long, at the end of a character. */
function wordEnd(bytes: Uint8Array, start: number): number {
  let end = start + characterBytes(bytes[start]!)
  while (end < bytes.length && end - start < MAX_WORD_BYTES) {
    if (bytes[end] === SPACE_MARK[0] && bytes[end + 1] === SPACE_MARK[1] && bytes[end + 2] === SPACE_MARK[2]) break
    end += characterBytes(bytes[end]!)
  }
  return end
}

function reverse(ids: number[], from: number): void {
  for (let left = from, right = ids.length - 1; left < right; left++, right--) {
    const id = ids[left]!
    ids[left] = ids[right]!
    ids[right] = id
  }
}
