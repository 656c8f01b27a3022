/**
 * The order of writes. Every accepted write and deletion of a shard takes the next sequence number. Those of synchronous
 * writes live only here, in the object's memory: when the object dies, so do the writes that nobody acknowledged, and
 * the epoch, drawn anew at each start, refuses their tickets. Those of staged writes and deletions are rows.
 */
import { randomBase62 } from '../core/bytes.ts'
import type { Clock } from '../core/clock.ts'
import type { Ticket } from './shard-api.ts'

/** A synchronous write that has not committed after this long is begun again. */
export const TICKET_TTL_MS = 10 * 60_000

export interface LiveTicket {
  readonly id: string
  readonly sequence: number
  readonly version: number
  readonly contentHash: string
  readonly ifMatch: string | undefined
  readonly expiresAtMs: number
}

export class Tickets {
  readonly epoch = randomBase62(16)
  readonly #clock: Clock
  readonly #bySequence = new Map<number, LiveTicket>()
  readonly #byDocument = new Map<string, Set<LiveTicket>>()
  #nextSequence: number

  /** `nextSequence` is above every sequence number that any row carries. */
  constructor(nextSequence: number, clock: Clock) {
    this.#nextSequence = nextSequence
    this.#clock = clock
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  takeSequence(): number {
    return this.#nextSequence++
  }

  /** `version` may be shared by tickets of equal content: they are one write, sent twice. */
  issue(
    { id, contentHash, ifMatch }: { readonly id: string; readonly contentHash: string; readonly ifMatch?: string },
    version: number,
  ): Ticket {
    this.#expire()
    const ticket = {
      id,
      sequence: this.takeSequence(),
      version,
      contentHash,
      ifMatch,
      expiresAtMs: this.#clock() + TICKET_TTL_MS,
    }
    this.#bySequence.set(ticket.sequence, ticket)
    const live = this.#byDocument.get(id)
    if (live === undefined) this.#byDocument.set(id, new Set([ticket]))
    else live.add(ticket)
    return { epoch: this.epoch, sequence: ticket.sequence, version }
  }

  /** The ticket as issued, if it is still good for this document. */
  find(ticket: Ticket, id: string): LiveTicket | undefined {
    this.#expire()
    const live = ticket.epoch === this.epoch ? this.#bySequence.get(ticket.sequence) : undefined
    return live?.id === id ? live : undefined
  }

  release(sequence: number): void {
    const ticket = this.#bySequence.get(sequence)
    if (ticket === undefined) return
    this.#bySequence.delete(sequence)
    const live = this.#byDocument.get(ticket.id)
    live?.delete(ticket)
    if (live?.size === 0) this.#byDocument.delete(ticket.id)
  }

  /** The unfinished write of the document that holds the highest version. */
  latest(id: string): LiveTicket | undefined {
    this.#expire()
    let latest: LiveTicket | undefined
    for (const ticket of this.#byDocument.get(id) ?? []) {
      if (latest === undefined || ticket.version >= latest.version) latest = ticket
    }
    return latest
  }

  /** Tickets expire in the order in which they were issued. */
  #expire(): void {
    const now = this.#clock()
    for (const ticket of this.#bySequence.values()) {
      if (ticket.expiresAtMs > now) return
      this.release(ticket.sequence)
    }
  }
}
