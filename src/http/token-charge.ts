/**
 * What models read for one request, charged to the tenant: the request's `ModelMeter`. Tokens that a quota limits are leased
 * before they are read; leases that were not used go back when the request ends.
 */
import type { CollectionId } from '../core/ids.ts'
import { asProblem } from '../core/problem.ts'
import type { PricedModel } from '../core/usage.ts'
import type { ModelMeter } from '../models/model-meter.ts'
import { costOfTokens } from '../tenancy/prices.ts'
import type { ModelRead, Reader, ReadMeter, TokenTicket } from '../tenancy/read-meter.ts'
import type { KeepAlive } from '../tenancy/read-through-cache.ts'

export interface TokenChargeParts {
  readonly meter: ReadMeter
  readonly reader: Reader
  /** Absent where the request names none. */
  readonly collectionId?: CollectionId
  /** Whether the request goes on without what the budget of the day lacks. */
  readonly goesOn: boolean
  readonly keepAlive: KeepAlive
}

export class TokenCharge implements ModelMeter {
  readonly #parts: TokenChargeParts
  readonly #unused = new Set<TokenTicket>()
  /** An answer has many texts read, and is one request. */
  readonly #counted = new Set<string>()

  constructor(parts: TokenChargeParts) {
    this.#parts = parts
  }

  note(model: PricedModel, tokens: number): void {
    const { meter, reader, keepAlive } = this.#parts
    meter.noteTokens(reader, this.#read(model, tokens, 0), keepAlive)
  }

  async admit(model: PricedModel, tokens: number): Promise<((read: number) => void) | undefined> {
    const { meter, reader, keepAlive, goesOn } = this.#parts
    let ticket: TokenTicket
    try {
      ticket = await meter.beginTokens(reader, { tokens, spend: costOfTokens(model, tokens) }, keepAlive)
    } catch (error) {
      if (goesOn && asProblem(error)?.code === 'budget_exceeded') return undefined
      throw error
    }
    this.#unused.add(ticket)
    return (read) => {
      const counted = this.#read(model, read, read)
      // It may come after the request's end, from a model that nobody waited for.
      if (this.#unused.delete(ticket)) ticket.count(counted)
      else meter.noteTokens(reader, counted, keepAlive)
    }
  }

  /** At the end of the request. */
  close(): void {
    for (const ticket of this.#unused) ticket.release()
    this.#unused.clear()
  }

  #read(model: PricedModel, tokens: number, quotaTokens: number): ModelRead {
    const { collectionId } = this.#parts
    const cost = costOfTokens(model, tokens)
    const requests = this.#counted.has(model.id) ? 0 : 1
    this.#counted.add(model.id)
    return {
      model: model.id,
      requests,
      tokens,
      cost,
      quotaTokens,
      ...(collectionId === undefined ? {} : { collectionId }),
    }
  }
}
