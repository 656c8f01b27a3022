/**
 * What the documents of one write may use. Before anything is embedded their growth is reserved, in one call; where not all
 * of it fits, the documents that do, in the request's order. A document keeps what was reserved for it until the write ends.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { utf8Length } from '../core/bytes.ts'
import { Problem } from '../core/problem.ts'
import type { Allowance, Amounts, Meter, ShardPosition } from '../core/usage.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import type { VersionSize } from '../shard/shard-api.ts'
import { quotaProblem, type ReservationRefusal, type WriteAllowance } from '../tenancy/allowances.ts'
import type { ShardRef } from '../tenancy/ledger.ts'
import { costOf, costOfTokens } from '../tenancy/prices.ts'
import type { CutChunk } from './prepare-chunks.ts'
import type { AcceptedDocument } from './source-document.ts'

/** Others reserve, too: what was left a moment ago may be gone. */
const MAX_ATTEMPTS = 5

/** What a quota must know of a document on its way. */
export interface QuotaItem {
  readonly document: AcceptedDocument
  readonly shard: number
  readonly chunks?: readonly CutChunk[]
  /** Vectors that the current version has already. */
  readonly known?: ReadonlySet<string>
  /** The version that it would replace. */
  readonly current?: VersionSize | undefined
  reserved?: Reserved
}

/** What was reserved for a document, and under which reservation: when that is lost, so is this. */
export interface Reserved {
  readonly id: string
  readonly amounts: Amounts
}

export class WriteQuota {
  readonly #allowance: WriteAllowance
  readonly #collection: CollectionRecord
  /** The highest place in its log that a commit had, by shard. */
  readonly #positions = new Map<number, number>()
  /** Whether a commit was sent and its fate is unknown. */
  #isUnsure = false
  #renewal: Promise<unknown> | undefined

  constructor(allowance: WriteAllowance, collection: CollectionRecord) {
    this.#allowance = allowance
    this.#collection = collection
  }

  get allowance(): Allowance {
    return this.#allowance.current
  }

  /**
   * Reserves what the items lack and calls `refuse` for those that do not fit. Staged ones reserve all their tokens, because
   * the vectors that they would reuse may be gone by then.
   * @throws overloaded
   */
  async claim<Item extends QuotaItem>(
    items: readonly Item[],
    refuse: (item: Item, problem: Problem) => void,
    options: { readonly isStaged?: boolean } = {},
  ): Promise<void> {
    let wanted = items
    let refusal: ReservationRefusal | undefined
    for (let attempt = 0; attempt < MAX_ATTEMPTS && wanted.length > 0; attempt++) {
      const lacking = wanted.map((item) => ({ item, amounts: this.#lackingOf(item, options.isStaged === true) }))
      const total = lacking.reduce((sum, { amounts }) => combined(sum, amounts), {})
      const result = await this.#allowance.reserve(total, this.#shardsOf(wanted))
      if (result.status === 'granted') {
        const { id } = this.#allowance
        for (const { item, amounts } of lacking) {
          item.reserved = { id, amounts: combined(this.reservedFor(item) ?? {}, amounts) }
        }
        return
      }
      if (result.status === 'gone') continue
      refusal = result
      const { fitting, rest } = fit(lacking, result.available)
      for (const { item, meter } of rest) refuse(item, quotaProblem(meter, result.retryAfterSeconds))
      wanted = fitting
    }
    const problem =
      refusal === undefined ? new Problem('overloaded') : quotaProblem(refusal.meter, refusal.retryAfterSeconds)
    for (const item of wanted) refuse(item, problem)
  }

  /** What the item may use now; `undefined` when nothing is reserved for it, or no longer. */
  reservedFor({ reserved }: QuotaItem): Amounts | undefined {
    return reserved?.id === this.#allowance.id ? reserved.amounts : undefined
  }

  /** Renews what is about to expire. Afterwards `reservedFor` tells whether it still stands. @throws overloaded */
  async keep(): Promise<void> {
    if (!this.#allowance.isShort) return
    this.#renewal ??= this.#allowance.reserve({}, []).finally(() => {
      this.#renewal = undefined
    })
    await this.#renewal
  }

  committed(shard: number, position: number): void {
    this.#positions.set(shard, Math.max(position, this.#positions.get(shard) ?? 0))
  }

  /** A commit that may or may not have happened: only the shard's log will tell. */
  unsure(): void {
    this.#isUnsure = true
  }

  /** Never throws. */
  async settle(): Promise<void> {
    if (this.#isUnsure) return
    const positions = [...this.#positions].map(([shard, position]): ShardPosition => ({
      ...this.#refOf(shard),
      position,
    }))
    await this.#allowance.settle(positions)
  }

  #lackingOf(item: QuotaItem, isStaged: boolean): Amounts {
    const reserved = this.reservedFor(item)
    const growth = growthOf(item, this.#collection, isStaged ? undefined : item.known)
    return Object.fromEntries(
      Object.entries(growth).flatMap(([name, amount]) => {
        const more = amount - (reserved?.[name as Meter] ?? 0)
        return more > 0 ? [[name, more]] : []
      }),
    )
  }

  #shardsOf(items: readonly QuotaItem[]): ShardRef[] {
    return [...new Set(items.map(({ shard }) => shard))].map((shard) => this.#refOf(shard))
  }

  #refOf(shard: number): ShardRef {
    const { id: collectionId, placementEpoch } = this.#collection
    return { collectionId, placementEpoch, shard }
  }
}

/** What the document adds to what is stored, and what it uses up. */
export function growthOf(
  { document, chunks = [], current }: QuotaItem,
  { generation }: CollectionRecord,
  known: ReadonlySet<string> | undefined,
): Record<'documents' | 'chunks' | 'storedBytes' | 'embeddingTokens' | 'spend', number> {
  const embeddingTokens = generation.profileId === BRING_YOUR_OWN ? 0 : tokensOf(chunks, known)
  const bytes = utf8Length(document.source.text)
  return {
    documents: current === undefined ? 1 : 0,
    chunks: Math.max(0, chunks.length - (current?.chunks ?? 0)),
    storedBytes: Math.max(0, bytes - (current?.bytes ?? 0)),
    embeddingTokens,
    spend: costOf({ chunksWritten: chunks.length, tokenCost: costOfTokens(generation.model.profile, embeddingTokens) }),
  }
}

/** Tokens of chunks that want a new vector, of all where none is known; equal chunks once. */
function tokensOf(chunks: readonly CutChunk[], known: ReadonlySet<string> | undefined): number {
  const made = new Map<string, number>()
  for (const { chunk } of chunks) {
    if (chunk.withoutVector !== true && known?.has(chunk.vectorKey) !== true) made.set(chunk.vectorKey, chunk.tokens)
  }
  return [...made.values()].reduce((sum, tokens) => sum + tokens, 0)
}

interface Lacking<Item> {
  readonly item: Item
  readonly amounts: Amounts
}

/** Takes items in order as long as each fits into what the ones before it left. */
function fit<Item>(
  lacking: readonly Lacking<Item>[],
  available: Amounts,
): { readonly fitting: Item[]; readonly rest: { readonly item: Item; readonly meter: Meter }[] } {
  const left: Partial<Record<Meter, number>> = { ...available }
  const fitting: Item[] = []
  const rest: { item: Item; meter: Meter }[] = []
  for (const { item, amounts } of lacking) {
    const entries = Object.entries(amounts) as [Meter, number][]
    const short = entries.find(([meter, amount]) => amount > (left[meter] ?? Infinity))
    if (short !== undefined) {
      rest.push({ item, meter: short[0] })
      continue
    }
    for (const [meter, amount] of entries) left[meter] = (left[meter] ?? Infinity) - amount
    fitting.push(item)
  }
  return { fitting, rest }
}

const combined = (a: Amounts, b: Amounts): Amounts => {
  const sum: Partial<Record<Meter, number>> = { ...a }
  for (const [meter, amount] of Object.entries(b) as [Meter, number][]) sum[meter] = (sum[meter] ?? 0) + amount
  return sum
}
