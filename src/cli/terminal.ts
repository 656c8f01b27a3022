/** What people see: colours where a terminal shows them, a progress bar that rewrites its line, sizes and durations. */

const colours = (stream: NodeJS.WriteStream): boolean => stream.isTTY && process.env['NO_COLOR'] === undefined

const paint = (code: number, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  colours(stream) ? `\u001B[${code}m${text}\u001B[0m` : text

export const bold = (text: string): string => paint(1, text)
export const dim = (text: string): string => paint(2, text)
export const marked = (text: string): string => paint(33, text)
export const good = (text: string): string => paint(32, text)
export const bad = (text: string): string => paint(31, text)

/** The same for the error stream, which may go elsewhere. */
export const onError = {
  bold: (text: string): string => paint(1, text, process.stderr),
  dim: (text: string): string => paint(2, text, process.stderr),
  marked: (text: string): string => paint(33, text, process.stderr),
  bad: (text: string): string => paint(31, text, process.stderr),
}

/** Text from a server must not steer the terminal: control characters but line breaks and tabs are dropped. */
// oxlint-disable-next-line no-control-regex -- these are exactly what is meant
export const plain = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '')

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  return seconds < 3_600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`
}

export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`

export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** Keeps both ends of a text that is too long for its column. */
export function shortened(text: string, width: number): string {
  if (text.length <= width) return text
  const tail = Math.floor((width - 1) / 2)
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`
}

/** Lines of at most `width` characters, broken between words. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}

const BAR_WIDTH = 28

/** A bar with rate and time left on a terminal; silent elsewhere. Goes to the error stream, which programs do not read. */
export class ProgressBar {
  readonly #stream = process.stderr
  readonly #startedAt = performance.now()
  readonly #enabled: boolean

  constructor(enabled: boolean) {
    this.#enabled = enabled && this.#stream.isTTY
  }

  /** @param fraction of the work done, 0 to 1 */
  show(fraction: number, documents: number): void {
    if (!this.#enabled) return
    const seconds = (performance.now() - this.#startedAt) / 1_000
    const filled = Math.round(BAR_WIDTH * Math.min(fraction, 1))
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
    const left = fraction > 0 ? duration((seconds * (1 - fraction)) / fraction) : '–'
    const rate = seconds > 0 ? (documents / seconds).toFixed(1) : '0'
    this.#stream.write(
      `\r\u001B[K${bar} ${Math.floor(100 * fraction)} %  ${documents} documents, ${rate}/s, ${left} left`,
    )
  }

  clear(): void {
    if (this.#enabled) this.#stream.write('\r\u001B[K')
  }
}

const REDRAW_MS = 100
const PLAIN_LINE_MS = 5_000

/** Files on their way: a bar with rate and time left on a terminal, elsewhere a line every few seconds; on the error stream. */
export class FileProgress {
  readonly #enabled: boolean
  readonly #stream: NodeJS.WriteStream
  readonly #clock: () => number
  #total = { files: 0, bytes: 0 }
  #startedAt = 0
  #shownAt = Number.NEGATIVE_INFINITY

  constructor(enabled: boolean, stream: NodeJS.WriteStream = process.stderr, clock = (): number => performance.now()) {
    this.#enabled = enabled
    this.#stream = stream
    this.#clock = clock
  }

  begin(files: readonly { readonly bytes: number }[]): void {
    this.#total = { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
    this.#startedAt = this.#clock()
    this.#shownAt = this.#stream.isTTY ? Number.NEGATIVE_INFINITY : this.#startedAt
    this.show(0, 0)
  }

  show(doneFiles: number, doneBytes: number): void {
    const now = this.#clock()
    const interval = this.#stream.isTTY ? REDRAW_MS : PLAIN_LINE_MS
    const isEnd = this.#stream.isTTY && doneFiles === this.#total.files
    if (!this.#enabled || (now - this.#shownAt < interval && !isEnd)) return
    this.#shownAt = now
    const text = this.#text(doneFiles, doneBytes, (now - this.#startedAt) / 1_000)
    if (this.#stream.isTTY) this.#stream.write(`\r\u001B[K${this.#bar(doneFiles, doneBytes)}${text}`)
    else this.#stream.write(`${text.trim()}\n`)
  }

  clear(): void {
    if (this.#enabled && this.#stream.isTTY) this.#stream.write('\r\u001B[K')
  }

  #fraction(doneFiles: number, doneBytes: number): number {
    const { files, bytes } = this.#total
    return Math.min(1, bytes === 0 ? doneFiles / Math.max(1, files) : doneBytes / bytes)
  }

  #bar(doneFiles: number, doneBytes: number): string {
    const fraction = this.#fraction(doneFiles, doneBytes)
    const filled = Math.round(BAR_WIDTH * fraction)
    const bar = paint(36, '█'.repeat(filled), this.#stream) + paint(2, '░'.repeat(BAR_WIDTH - filled), this.#stream)
    return `  ${bar} ${String(Math.floor(100 * fraction)).padStart(3)} %`
  }

  #text(doneFiles: number, doneBytes: number, seconds: number): string {
    const { files, bytes } = this.#total
    const fraction = this.#fraction(doneFiles, doneBytes)
    const rate = seconds > 0 ? doneFiles / seconds : 0
    const left = fraction > 0 ? duration((seconds * (1 - fraction)) / fraction) : '–'
    const parts = [
      `${doneFiles.toLocaleString('en')} of ${count(files, 'file')}`,
      `${size(Math.round(doneBytes))} of ${size(bytes)}`,
      `${rate.toFixed(1)} files/s`,
      `${left} left`,
    ]
    // A line that wraps cannot be drawn over: the least important parts go first.
    const room = this.#stream.isTTY ? (this.#stream.columns ?? 80) - BAR_WIDTH - 9 : Number.POSITIVE_INFINITY
    const order = [1, 2, 3]
    const shown = new Set([0, 1, 2, 3])
    const text = (): string => `  ${parts.filter((_, index) => shown.has(index)).join(' · ')}`
    while (text().length > room && order.length > 0) shown.delete(order.shift() ?? 0)
    return text()
  }
}
