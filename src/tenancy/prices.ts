/**
 * What things cost: the one table from which usage becomes estimated money and daily budgets are spent. Operators edit the
 * figures here. They are an estimate by list prices, without free allowances, taxes and discounts; no bill follows from
 * them. Amounts are nano-dollars (1e-9 USD), because a search costs less than a millionth of a dollar.
 */
import type { PricedModel } from '../core/usage.ts'

const NANO = 1_000_000_000

/** Cloudflare's list prices (Workers Paid, beyond what the plan includes), in nano-dollars. */
const LIST = {
  /** $0.30 a million requests. https://developers.cloudflare.com/workers/platform/pricing/ */
  workerRequest: 300,
  /** $0.02 a million milliseconds of CPU time. The same page. */
  cpuMillisecond: 20,
  /** $0.15 a million requests, calls over RPC included. https://developers.cloudflare.com/durable-objects/platform/pricing/ */
  objectRequest: 150,
  /** $12.50 a million GB-s; 10 ms of an object's 128 MB are 0.00128 GB-s. The same page. */
  objectTenMilliseconds: 16,
  /** $1.00 a million rows. The same page. */
  rowWritten: 1_000,
  /** $0.20 a GB-month. The same page. */
  storedGigabyteMonth: 0.2 * NANO,
}

/**
 * One search: the request, two calls of one shard (candidates, texts) and some 5 ms of CPU time. What the model reads for the
 * query's vector is paid by its tokens.
 */
const SEARCH = LIST.workerRequest + 2 * LIST.objectRequest + 2 * LIST.objectTenMilliseconds + 5 * LIST.cpuMillisecond

/**
 * Milliseconds of CPU time for a token, by the profile's id: a passage of 128 tokens measured in workerd (`npm run
 * bench:models`), divided by 128. Models that are not named here and have no price cost nothing in the estimate: those of
 * word vectors, which look words up, and endpoints that are paid by the hour.
 */
const CPU_MILLISECONDS: ReadonlyMap<string, number> = new Map([
  ['edge-en', 0.25],
  ['edge-multilingual', 0.55],
])

/** What wrote the usage of releases that counted tokens without their model. */
export const FORMER_MODEL: PricedModel = { id: 'edge-en', pricePerMillionTokens: 0 }

/** Whole nano-dollars for one of each. */
export const PRICES = {
  search: Math.round(SEARCH),
  /** A search, and some 10 ms of CPU time to choose and check sentences. */
  answer: Math.round(SEARCH + 10 * LIST.cpuMillisecond),
  /** Some five rows: the chunk, its vector, its share of postings, of the document, its log entry and its accounts. */
  chunkWritten: 5 * LIST.rowWritten,
} as const

/** On disk a text takes its bytes twice (the text, its postings), a chunk a vector and two rows besides. */
const DISK_BYTES_PER_BYTE = 2
const DISK_BYTES_PER_CHUNK = 600
const DAYS_PER_MONTH = 365.25 / 12

/** What was done; absent is 0. */
export interface Metered {
  readonly searches?: number
  readonly answers?: number
  readonly chunksWritten?: number
  /** What models read for it, in nano-dollars: the sum of `costOfTokens`. */
  readonly tokenCost?: number
}

/** Nano-dollars, whole. What a daily budget is spent by. */
export function costOf({ searches = 0, answers = 0, chunksWritten = 0, tokenCost = 0 }: Metered): number {
  return searches * PRICES.search + answers * PRICES.answer + chunksWritten * PRICES.chunkWritten + tokenCost
}

/**
 * Nano-dollars, whole, of tokens that a model read together. Whoever reserves and whoever counts must ask for the same
 * tokens: the cost of two parts may differ from that of both by one.
 */
export function costOfTokens({ id, pricePerMillionTokens }: PricedModel, tokens: number): number {
  const cpu = CPU_MILLISECONDS.get(id)
  const price = cpu === undefined ? pricePerMillionTokens * 1_000 : cpu * LIST.cpuMillisecond
  return Math.round(tokens * price)
}

/** Nano-dollars for keeping it one day. Part of estimates; no budget is spent by it. */
export function storageCostOfDay({ chunks, bytes }: { readonly chunks: number; readonly bytes: number }): number {
  const disk = bytes * DISK_BYTES_PER_BYTE + chunks * DISK_BYTES_PER_CHUNK
  return ((disk / NANO) * LIST.storedGigabyteMonth) / DAYS_PER_MONTH
}

/** US dollars, to the nearest millionth. */
export const dollars = (nano: number): number => Math.round(nano / 1_000) / 1_000_000

/** Nano-dollars of a budget in US dollars. */
export const nanoDollars = (usd: number): number => Math.floor(usd * NANO)
