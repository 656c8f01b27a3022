/** What the alarm asks again and again must not read the files of a year: it goes through the index of unsettled ones. */
import { describe, expect, it } from 'vitest'
import type { SqlDatabase } from '../../../src/core/sql-database.ts'
import { ALL_FILES_MIGRATIONS } from '../../../src/files/file-parts.ts'
import { FileRows } from '../../../src/files/rows/files.ts'
import { JobRows } from '../../../src/files/rows/jobs.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'

describe('questions about unsettled files', () => {
  const database = new NodeSqlDatabase()
  applyMigrations(database, ALL_FILES_MIGRATIONS)
  const plans: string[] = []
  const explaining: SqlDatabase = {
    run: (...call) => database.run(...call),
    all: (statement, ...parameters) => {
      const steps = database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${statement}`, ...parameters)
      plans.push(steps.map(({ detail }) => detail).join('; '))
      return database.all(statement, ...parameters)
    },
    get: (statement, ...parameters) => explaining.all(statement, ...parameters)[0] as never,
    transaction: (work) => database.transaction(work),
  }
  const files = new FileRows(explaining, () => 0, new JobRows(explaining, () => 0))

  it.each<[string, () => unknown]>([
    ['whose turn is it?', () => files.readable(0, 3)],
    ['which small one goes in between?', () => files.smallReadable(0, 3, 64_000)],
    ['when is the next turn?', () => files.nextReadableMs(0)],
    ['which are at their end?', () => files.finished(0, 3)],
    ['when is the next at its end?', () => files.nextFinishedMs()],
    ['which are to be called off?', () => files.cancelled(0, 3)],
    ['when is the next to be called off?', () => files.nextCancelledMs()],
    ['of which was nothing heard?', () => files.silent(0, 3)],
    ['since when?', () => files.oldestWaitingMs()],
    ['how much waits in shards?', () => files.staged()],
    ['how many are there?', () => files.unsettledCount()],
    ['which of a job wait?', () => files.waitingOf('job', 3)],
  ])('%s', (_, ask) => {
    plans.length = 0
    ask()
    expect(plans.length).toBeGreaterThan(0)
    for (const plan of plans) {
      expect(plan).toMatch(/files_unsettled/)
      expect(plan).not.toMatch(/SCAN (?:f|files)(?:;|$)/)
    }
  })
})
