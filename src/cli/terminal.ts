/** What people see: colours where a terminal shows them, a progress bar that rewrites its line, sizes and durations. */

const colours = (stream: NodeJS.WriteStream): boolean => stream.isTTY && process.env['NO_COLOR'] === undefined

const paint = (code: number, text: string): string =>
  colours(process.stdout) ? `\u001B[${code}m${text}\u001B[0m` : text

export const bold = (text: string): string => paint(1, text)
export const dim = (text: string): string => paint(2, text)
export const marked = (text: string): string => paint(33, text)

/** Text from a server must not steer the terminal: control characters but line breaks and tabs are dropped. */
// oxlint-disable-next-line no-control-regex -- these are exactly what is meant
export const plain = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '')

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  return seconds < 3_600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3_600).toFixed(1)} h`
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
