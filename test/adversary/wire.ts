/**
 * What the adversary sends and sees: requests and answers as bytes on the wire, without a client that would repair them.
 * The same attacks run inside workerd (against the application itself) and over HTTP (against `npm start`).
 */

export interface WireRequest {
  readonly method: string
  /** Path and query, exactly as they are to be sent. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
  /** Sends the body in pieces without a length, where the transport can. */
  readonly isChunked?: boolean
}

export interface WireAnswer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

export type Send = (request: WireRequest) => Promise<WireAnswer>

/** A seeded source of numbers in [0, 1) and what attacks need of it. */
export class Dice {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** An integer from 0 to `limit - 1`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  letters(length: number): string {
    return Array.from({ length }, () => String.fromCharCode(97 + this.below(26))).join('')
  }
}

/** The JSON of an answer; `undefined` where there is none. */
export function jsonOf({ headers, text }: WireAnswer): unknown {
  if (text === '' || !(headers['content-type'] ?? '').includes('json')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** One line that tells what was sent, without the secret of a credential. */
export function describeRequest({ method, path, headers, body }: WireRequest): string {
  const shown = Object.entries(headers).map(([name, value]) => `${name}: ${value.slice(0, 26)}`)
  const text = body === undefined ? '' : typeof body === 'string' ? body : `${body.length} bytes`
  return `${method} ${path.slice(0, 200)} [${shown.join('; ')}] ${text.slice(0, 300)}`
}

/** Runs the work with at most `width` items in flight, in order of the list. */
export async function inParallel<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const lane = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: width }, lane))
}
