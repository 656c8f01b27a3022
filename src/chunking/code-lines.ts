/**
 * Reads code line by line and says of each what stands in it and how deep in brackets it begins. Strings and comments do not
 * count. It knows no grammar, so it can be wrong, but never fails; one pass, O(length).
 */
import type { CodeLanguage } from './code-language.ts'

export interface CodeLine {
  /** UTF-16 offsets of its first sign that is not white space, and behind the last; equal on a blank line. */
  readonly start: number
  readonly end: number
  /** White space before it, in characters. */
  readonly indent: number
  /** Open brackets where it begins; 0 in languages of indentation only outside of all brackets. */
  readonly depth: number
  /** Whether it begins within a string or comment. */
  readonly isInside: boolean
  readonly hasCode: boolean
  /** Last sign of its code; empty without code. */
  readonly lastSign: string
}

/** A line's first characters, enough to tell what it is. */
const HEAD = 300
/** Closings that are looked for in vain; after so many the code is rubbish, and each search costs its whole length. */
const MAX_MISSING = 24
/** Of a regular expression between its slashes. */
const MAX_PATTERN = 500
/** What a division, and nothing that a regular expression, can follow. */
const VALUE_END = /[\w$)\]"'`]/

export const headOf = (text: string, line: CodeLine): string =>
  text.slice(line.start, Math.min(line.end, line.start + HEAD))

/** The lines in order; blank ones in a row are one, and so are those that lie within one string or comment. */
export function codeLines(text: string, from: number, to: number, language: CodeLanguage): Iterable<CodeLine> {
  return new LineReader(text, from, to, language).read()
}

class LineReader {
  readonly #text: string
  readonly #to: number
  readonly #language: CodeLanguage
  /** Read, and not handed out yet. */
  #lines: CodeLine[] = []
  #wasBlank = false
  /** Signs that begin a comment or string or are brackets; all others are passed over. */
  readonly #starters: ReadonlySet<string>
  /** Closings that do not come any more, so that nobody looks for them twice. */
  readonly #missing = new Set<string>()
  /** Depths at which `${` of a template was opened. */
  #templates: number[] = []
  #at: number
  #newline = -1
  /** Up to here no regular expression ends. */
  #patternless = 0
  #lineStart: number
  #lineDepth = 0
  #depth = 0
  #isInside = false
  #hasCode = false
  /** The last sign of code, which tells a division from a regular expression. */
  #lastSign = ''
  #heredocs: string[] = []

  constructor(text: string, from: number, to: number, language: CodeLanguage) {
    this.#text = text
    this.#to = to
    this.#language = language
    this.#at = from
    this.#lineStart = from
    const { lineComments, blockComments, longQuotes, quotes, peculiarities } = language
    const words = [...lineComments, ...blockComments.map(([open]) => open), ...longQuotes, ...quotes]
    const others = [
      peculiarities.has('templates') ? '`/' : '',
      peculiarities.has('lifetimes') ? "'" : '',
      peculiarities.has('heredocs') ? '<' : '',
      peculiarities.has('dollarQuotes') ? '$' : '',
    ]
    this.#starters = new Set([
      ...words.map((word) => word.charAt(0)),
      ...others.join('').split(''),
      ...'{}()[]\n'.split(''),
    ])
  }

  *read(): Generator<CodeLine> {
    while (this.#at < this.#to) {
      const sign = this.#text.charAt(this.#at)
      if (!this.#starters.has(sign)) {
        if (sign !== ' ' && sign !== '\t') this.#code(sign)
        this.#at++
        continue
      }
      this.#special(sign)
      if (this.#lines.length === 0) continue
      yield* this.#lines
      this.#lines = []
    }
    this.#endLine(this.#to)
    yield* this.#lines
  }

  #code(sign: string): void {
    this.#hasCode = true
    this.#lastSign = sign
  }

  #special(sign: string): void {
    if (this.#comment() || this.#literal(sign)) return
    if (sign === '\n') this.#newLine()
    else if (sign === '}' && this.#templates.at(-1) === this.#depth - 1) {
      this.#templates.pop()
      this.#depth--
      this.#template(this.#at + 1)
      return
    } else if (this.#language.family !== 'statements') {
      if (sign === '{' || sign === '(' || sign === '[') this.#depth++
      else if (sign === '}' || sign === ')' || sign === ']') this.#depth = Math.max(0, this.#depth - 1)
    }
    if (sign !== '\n') this.#code(sign)
    this.#at++
  }

  #newLine(): void {
    this.#endLine(this.#at)
    const [terminator] = this.#heredocs
    if (terminator !== undefined) {
      this.#heredocs = []
      this.#heredoc(terminator)
    } else if (this.#depth > 0 && this.#language.family === 'brackets') {
      // Whatever was counted wrongly before: what is defined at the margin stands in nothing.
      const head = this.#text.slice(this.#at + 1, Math.min(this.#to, this.#at + 1 + HEAD))
      if (this.#language.definition.test(head)) {
        this.#depth = 0
        this.#lineDepth = 0
        this.#templates = []
      }
    }
  }

  #comment(): boolean {
    const { lineComments, looseComments, blockComments } = this.#language
    for (const [open, close] of blockComments) {
      if (!this.#text.startsWith(open, this.#at)) continue
      const end = this.#find(close, this.#at + open.length)
      if (open.startsWith('\n')) {
        this.#endLine(this.#at++)
        this.#isInside = true
      }
      this.#skip(end === -1 ? this.#to : Math.min(this.#to, end + close.length))
      return true
    }
    if (!lineComments.some((mark) => this.#text.startsWith(mark, this.#at))) return false
    if (looseComments === true && this.#at > this.#lineStart && /\S/.test(this.#text.charAt(this.#at - 1))) return false
    const end = this.#text.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.#to : Math.min(end, this.#to)
    return true
  }

  #literal(sign: string): boolean {
    const { longQuotes, quotes, peculiarities, escape } = this.#language
    const before = this.#at > this.#lineStart ? this.#text.charAt(this.#at - 1) : ''
    if (peculiarities.has('heredocs') && sign === '<' && this.#noteHeredoc()) return true
    if (peculiarities.has('dollarQuotes') && sign === '$') return this.#dollarQuote()
    if (peculiarities.has('rawStrings') && sign === '"' && /[R#r@]/.test(before) && this.#rawString(before)) return true
    if (peculiarities.has('templates') && sign === '`') return this.#template(this.#at + 1)
    if (peculiarities.has('templates') && sign === '/' && !VALUE_END.test(this.#lastSign))
      return this.#regularExpression()
    if (peculiarities.has('lifetimes') && sign === "'") {
      const letter = /^'(?:\\[^\n]{1,8}?|[^\\'\n])'/u.exec(this.#text.slice(this.#at, this.#at + 12))?.[0]
      this.#code("'")
      this.#at += letter?.length ?? 1
      return true
    }
    const long = longQuotes.find((quote) => this.#text.startsWith(quote, this.#at))
    if (long !== undefined) {
      const end = this.#stringEnd(long, this.#at + long.length, true)
      if (end !== -1) {
        this.#code(sign)
        this.#skip(end)
        return true
      }
    }
    if (!quotes.includes(sign)) return false
    // 1'000'000
    if (sign === "'" && /\d/.test(before)) return false
    const end = this.#stringEnd(sign, this.#at + 1, false)
    this.#code(escape === 'doubled' ? "'" : sign)
    this.#at = end
    return true
  }

  /** Behind the closing quote; of a short string at the latest the line's end, of a long one -1 where it never closes. */
  #stringEnd(quote: string, from: number, isLong: boolean): number {
    if (isLong && this.#missing.has(quote)) return -1
    for (let at = from; at < this.#to; at++) {
      const sign = this.#text.charAt(at)
      if (sign === '\\' && this.#language.escape === 'backslash' && quote !== '`') at++
      else if (sign === '\n' && !isLong) return at
      else if (sign === quote.charAt(0) && this.#text.startsWith(quote, at)) return at + quote.length
    }
    if (!isLong) return this.#to
    this.#missing.add(quote)
    return -1
  }

  /** Goes on in a template from `from` to its end or the next `${`. */
  #template(from: number): boolean {
    if (!this.#missing.has('template')) {
      for (let at = from; at < this.#to; at++) {
        const sign = this.#text.charAt(at)
        if (sign === '\\') at++
        else if (sign === '`') {
          this.#code('`')
          this.#skip(at + 1)
          return true
        } else if (sign === '$' && this.#text.charAt(at + 1) === '{') {
          this.#code('`')
          this.#skip(at + 2)
          this.#templates.push(this.#depth)
          this.#depth++
          this.#lastSign = '{'
          return true
        }
      }
      this.#missing.add('template')
    }
    this.#at = from
    return true
  }

  /** On one line; what has no end there is a division. */
  #regularExpression(): boolean {
    let isClass = false
    if (this.#at < this.#patternless) return false
    const most = Math.min(this.#to, this.#at + MAX_PATTERN)
    this.#patternless = most
    for (let at = this.#at + 1; at < most; at++) {
      const sign = this.#text.charAt(at)
      if (sign === '\n') break
      if (sign === '\\') at++
      else if (sign === '[') isClass = true
      else if (sign === ']') isClass = false
      else if (sign === '/' && !isClass) {
        this.#code(')')
        this.#at = at + 1
        return true
      }
    }
    return false
  }

  /** `R"x(…)x"`, `r#"…"#`, `@"…"`; the quote stands at `#at`. */
  #rawString(before: string): boolean {
    const opening = before === 'R' ? /^"([^\s()\\]{0,16})\(/.exec(this.#text.slice(this.#at, this.#at + 20)) : undefined
    if (before === 'R' && (opening === null || opening === undefined)) return false
    let hashes = 0
    while (this.#text.charAt(this.#at - 1 - hashes) === '#' && hashes < 16) hashes++
    if (before === '#' && this.#text.charAt(this.#at - 1 - hashes) !== 'r') return false
    const close = before === 'R' ? `)${opening?.[1] ?? ''}"` : `"${'#'.repeat(hashes)}`
    const end = this.#find(close, this.#at + 1)
    if (end === -1) return false
    this.#code('"')
    this.#skip(Math.min(this.#to, end + close.length))
    return true
  }

  /** `$$ … $$`, `$body$ … $body$` */
  #dollarQuote(): boolean {
    const mark = /^\$\w{0,30}\$/.exec(this.#text.slice(this.#at, this.#at + 32))?.[0]
    const end = mark === undefined ? -1 : this.#find(mark, this.#at + mark.length)
    if (mark === undefined || end === -1) return false
    this.#code('$')
    this.#skip(Math.min(this.#to, end + mark.length))
    return true
  }

  #noteHeredoc(): boolean {
    const opening = /^<<<?[-~]?["']?([A-Za-z_]\w{0,30})/.exec(this.#text.slice(this.#at, this.#at + 40))
    if (opening === null) return false
    this.#heredocs.push(opening[1] ?? '')
    this.#code('<')
    this.#at += opening[0].length
    return true
  }

  /** Passes over the lines up to the one that is the terminator; `#at` is at the line feed before them. */
  #heredoc(terminator: string): void {
    const key = `\n${terminator}`
    if (this.#missing.has(key) || this.#missing.size > MAX_MISSING) return
    for (let at = this.#at; at !== -1 && at < this.#to; at = this.#text.indexOf('\n', at + 1)) {
      const line = this.#text.slice(at + 1, at + 100).trimStart()
      if (!line.startsWith(terminator) || /^\w/.test(line.slice(terminator.length))) continue
      this.#isInside = true
      this.#skipLines(this.#at + 1, at + 1)
      this.#at = at
      return
    }
    this.#missing.add(key)
  }

  /** -1 where it does not come before the end. */
  #find(close: string, from: number): number {
    if (this.#missing.has(close) || this.#missing.size > MAX_MISSING) return -1
    const end = this.#text.indexOf(close, from)
    if (end !== -1 && end < this.#to) return end
    this.#missing.add(close)
    return -1
  }

  /** Goes to `end` through a string or comment. */
  #skip(end: number): void {
    this.#skipLines(this.#at, end)
    this.#at = end
  }

  #skipLines(from: number, end: number): void {
    const first = this.#newlineFrom(from)
    if (first >= end) return
    const hadCode = this.#hasCode
    this.#endLine(first)
    const last = this.#text.lastIndexOf('\n', end - 1)
    this.#isInside = true
    this.#hasCode = hadCode
    if (last > first) {
      this.#endLine(last)
      this.#isInside = true
      this.#hasCode = hadCode
    }
  }

  /** Places asked for ascend; the next line feed is looked for once. */
  #newlineFrom(from: number): number {
    if (this.#newline < from) {
      const next = this.#text.indexOf('\n', from)
      this.#newline = next === -1 ? Infinity : next
    }
    return this.#newline
  }

  #endLine(end: number): void {
    const raw = this.#text.slice(this.#lineStart, end)
    const indent = raw.length - raw.trimStart().length
    const start = this.#lineStart + indent
    const isBlank = indent === raw.length
    if (!isBlank || (!this.#wasBlank && !this.#isInside)) {
      this.#wasBlank = isBlank
      this.#lines.push({
        start,
        end: isBlank ? start : this.#lineStart + raw.trimEnd().length,
        indent,
        depth: this.#lineDepth,
        isInside: this.#isInside,
        hasCode: this.#hasCode,
        lastSign: this.#hasCode ? this.#lastSign : '',
      })
    }
    this.#lineStart = end + 1
    this.#lineDepth = this.#depth
    this.#isInside = false
    this.#hasCode = false
  }
}
