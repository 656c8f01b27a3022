/** The windows that meters count in, as texts that sort by time: UTC months (`2026-01`) and days (`2026-01-31`). */
import type { Meter } from '../../core/usage.ts'
import type { TenantLimits } from '../tenant-limits.ts'
import { nanoDollars } from '../prices.ts'

export const DAY_MS = 86_400_000

export type Window = 'stored' | 'month' | 'day'

export const WINDOWS: Readonly<Record<Meter, Window>> = {
  documents: 'stored',
  chunks: 'stored',
  storedBytes: 'stored',
  embeddingTokens: 'month',
  searches: 'month',
  answers: 'month',
  spend: 'day',
}

export const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10)
export const monthOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 7)

/** The window that holds the time; `stored` has one only. */
export function windowOf(meter: Meter, timeMs: number): string {
  const window = WINDOWS[meter]
  if (window === 'stored') return 'stored'
  return window === 'month' ? monthOf(timeMs) : dayOf(timeMs)
}

/** When the window of a monthly or daily meter ends. */
export function windowEndMs(meter: Meter, nowMs: number): number {
  const now = new Date(nowMs)
  if (WINDOWS[meter] === 'day') return (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
}

/** Seconds until the window ends, at least 1. */
export const secondsLeft = (meter: Meter, nowMs: number): number =>
  Math.max(1, Math.ceil((windowEndMs(meter, nowMs) - nowMs) / 1_000))

/** The tenant's limit of each meter that has one, in the meter's unit. */
export function limitsByMeter(limits: TenantLimits): Partial<Record<Meter, number>> {
  const { documents, chunks, storedBytes, embeddingTokensPerMonth, searchesPerMonth, answersPerMonth } = limits
  const spend = limits.dailyBudget && nanoDollars(limits.dailyBudget.usd)
  const all: Partial<Record<Meter, number | undefined>> = {
    documents,
    chunks,
    storedBytes,
    embeddingTokens: embeddingTokensPerMonth,
    searches: searchesPerMonth,
    answers: answersPerMonth,
    spend,
  }
  return Object.fromEntries(Object.entries(all).filter(([, limit]) => limit !== undefined))
}
