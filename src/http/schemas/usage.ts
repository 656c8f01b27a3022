/** Usage on the wire: whole UTC days, money in US dollars. */
import { z } from '@hono/zod-openapi'
import { METERS, type Meter } from '../../core/usage.ts'
import { rfc3339 } from '../../core/clock.ts'
import type { MeterUse, ModelAmounts, UsageCounts, UsageReport } from '../../tenancy/ledger.ts'
import { dollars } from '../../tenancy/prices.ts'
import { time } from './fields.ts'

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
const DATE = /^\d{4}-\d{2}-\d{2}$/

const moment = z
  .string()
  .refine((text) => isTime(text), 'must be an RFC 3339 date or time')
  .openapi({ format: 'date', example: '2026-11-01' })

/** `Date.parse` takes the 31st of a shorter month for a day of the next one. */
function isTime(text: string): boolean {
  if (!TIME.test(text) || Number.isNaN(Date.parse(text))) return false
  return !DATE.test(text) || new Date(text).toISOString().startsWith(text)
}

export const USAGE_GROUPINGS = ['day', 'collection', 'key', 'tenant'] as const

export const usageQuery = z.strictObject({
  from: moment.optional().openapi({ description: 'A date or time; its UTC day is the first. The first of the month.' }),
  to: moment.optional().openapi({ description: 'A date or time; its UTC day is the last. Today.' }),
  groupBy: z
    .enum(USAGE_GROUPINGS)
    .optional()
    .openapi({ description: '`day` unless told. `tenant` is for the root key without `Nearfield-Tenant`.' }),
})

const count = z.number().int()
const money = z.number().openapi({ description: 'US dollars, by the price table: an estimate, no bill.' })

const counts = {
  searches: count,
  answers: count,
  documentsWritten: count,
  documentsDeleted: count,
  chunksWritten: count,
  bytesWritten: count,
  embeddingTokens: count,
  estimatedCost: money,
}

const name = z.string().optional()

const models = z
  .array(
    z.object({
      model: z.string().openapi({ example: 'edge-en' }),
      requests: count.openapi({ description: 'Documents that got vectors, and requests that had it read something.' }),
      tokens: count,
      cost: money,
    }),
  )
  .openapi({
    description: 'What models read, queries included, by the models’ names. None where tenants are told apart.',
  })

export const usageSchema = z
  .object({
    from: z.string().openapi({ description: 'The first day.', example: '2026-11-01' }),
    to: z.string().openapi({ description: 'The last day.', example: '2026-11-22' }),
    groupBy: z.enum(USAGE_GROUPINGS),
    data: z.array(z.object({ day: name, collection: name, key: name, tenant: name, ...counts, models })).openapi({
      description:
        'Named by what they are grouped by; calls that name no collection have none. Storage is part of the cost but where keys are told apart.',
    }),
    totals: z.object(counts),
    models,
    stored: z.object({ documents: count, chunks: count, bytes: count }).openapi({ description: 'Now.' }),
    limits: z
      .array(
        z.object({
          meter: z.enum(METERS as unknown as readonly [Meter, ...Meter[]]),
          limit: z.number(),
          used: z.number(),
          reserved: z.number().openapi({ description: 'By writes and searches under way.' }),
          remaining: z.number(),
          window: z.enum(['stored', 'month', 'day']),
          resetsAt: time.nullable(),
          warning: z
            .union([z.literal(80), z.literal(100)])
            .nullable()
            .openapi({ description: 'Percent reached.' }),
        }),
      )
      .openapi({
        description: 'Meters that have a limit, now; `spend` in US dollars. None where tenants are told apart.',
      }),
    currency: z.literal('USD'),
  })
  .openapi('Usage')

type Counted = UsageCounts & { readonly cost: number }

export const countsView = ({ cost, ...counted }: Counted) => ({
  searches: counted.searches,
  answers: counted.answers,
  documentsWritten: counted.documentsWritten,
  documentsDeleted: counted.documentsDeleted,
  chunksWritten: counted.chunksWritten,
  bytesWritten: counted.bytesWritten,
  embeddingTokens: counted.embeddingTokens,
  estimatedCost: dollars(cost),
})

export const modelsView = (amounts: readonly ModelAmounts[]) =>
  amounts.map(({ model, requests, tokens, cost }) => ({ model, requests, tokens, cost: dollars(cost) }))

export const limitsView = (limits: UsageReport['limits']) => limits.map(limitView)

function limitView({ meter, limit, used, reserved, window, resetsAtMs, warning }: MeterUse) {
  const inUnit = (amount: number): number => (meter === 'spend' ? dollars(amount) : amount)
  return {
    meter,
    limit: inUnit(limit),
    used: inUnit(used),
    reserved: inUnit(reserved),
    remaining: inUnit(Math.max(0, limit - used - reserved)),
    window,
    resetsAt: resetsAtMs === undefined ? null : rfc3339(resetsAtMs),
    warning: warning ?? null,
  }
}
