/** The request log of `npm start`: appended to `nearfield.log`, moved to `nearfield.log.1` when it has grown too large. */
import { appendFileSync, renameSync, statSync } from 'node:fs'
import type { Readable } from 'node:stream'

const MAX_LOG_BYTES = 10_000_000

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

  /** Writes everything that a process prints. */
  take(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.write(chunk.toString('utf8')))
  }

  /** The last lines, for a failure that must be explained on the terminal. */
  get tail(): string {
    return this.#tail.join('\n')
  }
}
