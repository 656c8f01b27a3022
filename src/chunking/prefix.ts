/**
 * The context that is embedded and indexed before a chunk's text: `Title > Heading > Heading`. What the chunk's own text
 * shows at its beginning is left out, because saying it twice would only weigh it double.
 */
import { MAX_PREFIX_TOKENS } from '../core/limits.ts'
import type { CountTokens } from './document-text.ts'
import type { Heading } from './sections.ts'
import { words } from '../text/words.ts'

const SEPARATOR = ' > '
/** Fewer tokens than this say nothing; the part is dropped instead of being cut so short. */
const MIN_PART_TOKENS = 3
/** A title is cut to this many UTF-16 units before its tokens are counted. */
const MAX_TITLE_LENGTH = 400

/** Builds prefixes for the chunks of one document and remembers token counts, since neighbours share their prefix. */
export class PrefixBuilder {
  readonly #title: string
  readonly #countTokens: CountTokens
  readonly #counts = new Map<string, number>()
  readonly #fitted = new Map<string, string>()

  constructor(title: string | undefined, countTokens: CountTokens) {
    this.#title = (title ?? '').slice(0, MAX_TITLE_LENGTH).toWellFormed().replace(/\s+/g, ' ').trim()
    this.#countTokens = countTokens
  }

  /** Tokens of a prefix that `build` returned. */
  tokens(prefix: string): number {
    let count = this.#counts.get(prefix)
    if (count === undefined) {
      count = prefix === '' ? 0 : this.#countTokens(prefix)
      this.#counts.set(prefix, count)
    }
    return count
  }

  /** `text` is the chunk's own, `start` and `end` its place in the document; `budget` is in tokens. */
  build(text: string, start: number, end: number, path: readonly Heading[], budget: number): string {
    const shown = path.filter((heading) => heading.start >= start && heading.start < end)
    const hidden = path.filter((heading) => !shown.includes(heading)).map((heading) => heading.text)
    const parts: string[] = []
    if (this.#title !== '' && !shown.some((heading) => sameWords(heading.text, this.#title))) {
      if (!sameWords(firstLine(text), this.#title)) parts.push(this.#title)
    }
    for (const part of hidden) {
      if (part !== '' && !parts.some((known) => sameWords(known, part))) parts.push(part)
    }
    const limit = Math.min(MAX_PREFIX_TOKENS, budget)
    const key = `${limit}\n${parts.join('\n')}`
    let fitted = this.#fitted.get(key)
    if (fitted === undefined) {
      fitted = this.#fit(parts, limit)
      this.#fitted.set(key, fitted)
    }
    return fitted
  }

  /** Cuts to `limit` tokens: first the outer headings go, then words of the title, then words of the last heading. */
  #fit(parts: readonly string[], limit: number): string {
    let kept = parts
    while (kept.length > 2 && this.tokens(kept.join(SEPARATOR)) > limit) kept = [kept[0] ?? '', ...kept.slice(2)]
    const whole = kept.join(SEPARATOR)
    if (this.tokens(whole) <= limit) return whole
    const last = kept.at(-1) ?? ''
    if (kept.length === 1) return this.#cut(last, limit)
    const room = limit - this.tokens(SEPARATOR + last)
    const title = room < MIN_PART_TOKENS ? '' : this.#cut(kept[0] ?? '', room)
    const both = title === '' ? '' : title + SEPARATOR + last
    return both !== '' && this.tokens(both) <= limit ? both : this.#cut(last, limit)
  }

  /** The most leading words that fit. */
  #cut(part: string, limit: number): string {
    if (this.tokens(part) <= limit) return part
    if (limit < MIN_PART_TOKENS) return ''
    const pieces = part.split(' ')
    let low = 0
    let high = pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.tokens(pieces.slice(0, middle).join(' ')) <= limit) low = middle
      else high = middle - 1
    }
    return pieces.slice(0, low).join(' ')
  }
}

function firstLine(text: string): string {
  const end = text.indexOf('\n')
  return text.slice(0, Math.min(end === -1 ? text.length : end, MAX_TITLE_LENGTH))
}

const spelled = (text: string): string =>
  words(text)
    .map((word) => word.text)
    .join(' ')

function sameWords(a: string, b: string): boolean {
  return a === b || spelled(a) === spelled(b)
}
