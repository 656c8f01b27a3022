/** Answers what was used between two days, grouped, with what is stored and how full each limited meter is now. */
import { invariant } from '../../core/invariant.ts'
import type { SqlDatabase } from '../../core/sql-database.ts'
import type { Meter } from '../../core/usage.ts'
import { costOf } from '../prices.ts'
import { storageCosts, type StoredDay } from '../storage-costs.ts'
import { addUsage, NO_USAGE } from './consumption.ts'
import type { Judge } from './judge.ts'
import type {
  MeterUse,
  ModelAmounts,
  StoredAmounts,
  UsageCounts,
  UsageGroup,
  UsageQuery,
  UsageReport,
} from './requests.ts'
import { dayOf, limitsByMeter, windowEndMs, WINDOWS } from './windows.ts'

const GROUP_COLUMNS: Readonly<Record<UsageGroup, string>> = { day: 'day', collection: 'collection_id', key: 'key_id' }

/** Both totals and rows are sums of whole days. */
export function reportUsage(database: SqlDatabase, judge: Judge, query: UsageQuery, nowMs: number): UsageReport {
  const { fromDay, toDay, groupBy, limits } = query
  const counts = database.all<UsageCounts & { group: string }>(
    `SELECT ${GROUP_COLUMNS[groupBy]} AS "group", sum(searches) AS searches, sum(answers) AS answers,
       sum(documents_written) AS documentsWritten, sum(documents_deleted) AS documentsDeleted,
       sum(chunks_written) AS chunksWritten, sum(bytes_written) AS bytesWritten,
       sum(embedding_tokens) AS embeddingTokens, sum(token_cost) AS tokenCost
     FROM ledger_usage WHERE day BETWEEN ? AND ? GROUP BY 1 ORDER BY 1`,
    fromDay,
    toDay,
  )
  // Of days to come nothing is known.
  const lastDay = toDay < dayOf(nowMs) ? toDay : dayOf(nowMs)
  const storage = storageCosts(storedDays(database, lastDay), { fromDay, toDay: lastDay })
  const groups = new Map(counts.map(({ group, ...rest }) => [group, rest as UsageCounts]))
  if (groupBy !== 'key')
    for (const group of storage[groupBy].keys()) if (!groups.has(group)) groups.set(group, NO_USAGE)
  const models = modelRows(database, query)
  const rows = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, used]) => {
      const kept = groupBy === 'key' ? 0 : (storage[groupBy].get(group) ?? 0)
      return {
        group,
        ...used,
        cost: costOf(used) + kept,
        models: amountsOf(models.filter((row) => row.group === group)),
      }
    })
  const totals = [...groups.values()].reduce(addUsage, NO_USAGE)
  const kept = [...storage.day.values()].reduce((sum, cost) => sum + cost, 0)
  return {
    rows,
    totals: { ...totals, cost: costOf(totals) + kept },
    models: amountsOf(models),
    stored: storedNow(database),
    limits: Object.entries(limitsByMeter(limits)).map(([meter, limit]) => useOf(judge, meter as Meter, limit, nowMs)),
  }
}

interface ModelRow extends ModelAmounts {
  readonly group: string
}

const modelRows = (database: SqlDatabase, { fromDay, toDay, groupBy }: UsageQuery): ModelRow[] =>
  database.all<ModelRow>(
    `SELECT ${GROUP_COLUMNS[groupBy]} AS "group", model, sum(requests) AS requests, sum(tokens) AS tokens, sum(cost) AS cost
     FROM ledger_models WHERE day BETWEEN ? AND ? GROUP BY 1, 2 ORDER BY 2`,
    fromDay,
    toDay,
  )

/** The sums of rows that are in the models' order. */
function amountsOf(rows: readonly ModelRow[]): ModelAmounts[] {
  return [...Map.groupBy(rows, ({ model }) => model)].map(([model, ofModel]) => ({
    model,
    requests: ofModel.reduce((sum, { requests }) => sum + requests, 0),
    tokens: ofModel.reduce((sum, { tokens }) => sum + tokens, 0),
    cost: ofModel.reduce((sum, { cost }) => sum + cost, 0),
  }))
}

function useOf(judge: Judge, meter: Meter, limit: number, nowMs: number): MeterUse {
  const { used, reserved } = judge.use(meter, nowMs)
  const window = WINDOWS[meter]
  return {
    meter,
    limit,
    used,
    reserved,
    window,
    ...(window === 'stored' ? {} : { resetsAtMs: windowEndMs(meter, nowMs) }),
    ...(used >= limit ? { warning: 100 } : used >= limit * 0.8 ? { warning: 80 } : {}),
  }
}

const storedDays = (database: SqlDatabase, toDay: string): StoredDay[] =>
  database.all<StoredDay>(
    `SELECT day, collection_id AS collectionId, chunks, bytes FROM ledger_stored_daily
     WHERE day <= ? ORDER BY collection_id, day`,
    toDay,
  )

function storedNow(database: SqlDatabase): StoredAmounts {
  const row = database.get<{ documents: number; chunks: number; bytes: number }>(
    `SELECT coalesce(sum(documents), 0) AS documents, coalesce(sum(chunks), 0) AS chunks,
       coalesce(sum(stored_bytes), 0) AS bytes FROM ledger_shards`,
  )
  invariant(row !== undefined, 'a sum has a row')
  return row
}
