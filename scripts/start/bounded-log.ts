/** The request log of `npm start`: appended to `nearfield.log`, moved to `nearfield.log.1` when it has grown too large. */
import { appendFileSync, renameSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'

const MAX_LOG_BYTES = 10_000_000
const MAX_LINE_LENGTH = 1_000_000

/** The runtime tells by itself which name it could not look up; it may be one that a tenant chose. */
const withoutHosts = (text: string): string => text.replaceAll(/\bparams\.host = [^;\n]*/g, 'params.host = …')

export class BoundedLog {
  readonly path: string
  #bytes: number
  #tail: string[] = []

  constructor(path: string) {
    this.path = path
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  write(text: string): void {
    if (this.#bytes > MAX_LOG_BYTES) {
      renameSync(this.path, `${this.path}.1`)
      this.#bytes = 0
    }
    appendFileSync(this.path, text, { mode: 0o600 })
    this.#bytes += Buffer.byteLength(text)
    this.#tail = [...this.#tail, ...text.split('\n').filter((line) => line !== '')].slice(-20)
  }

  /** Writes what a process prints, line by line. */
  take(stream: Readable): void {
    let begun = ''
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      const end = text.lastIndexOf('\n') + 1
      if (end > 0) this.write(withoutHosts(begun + text.slice(0, end)))
      begun = (end > 0 ? '' : begun) + text.slice(end)
      if (begun.length <= MAX_LINE_LENGTH) return
      this.write(withoutHosts(begun))
      begun = ''
    })
    stream.once('end', () => begun !== '' && this.write(withoutHosts(begun)))
  }

  /** The last lines, for a failure that must be explained on the terminal. */
  get tail(): string {
    return this.#tail.join('\n')
  }
}
