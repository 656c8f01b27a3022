import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { beforeEach, describe, expect, it } from 'vitest'
import { migrate, readState, STATE_FORMAT, writeState } from '../../../scripts/start/state-folder.ts'

let folder: string
let migrationsFolder: string
let database: DatabaseSync
let opened: number

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nearfield-state-'))
  migrationsFolder = join(folder, 'migrations')
  mkdirSync(migrationsFolder)
  database = new DatabaseSync(':memory:')
  opened = 0
  writeFileSync(
    join(migrationsFolder, '0000_first.sql'),
    'CREATE TABLE a (x);\n--> statement-breakpoint\nCREATE TABLE b (x);',
  )
})

/** The three calls of D1 that migrating uses, over SQLite in memory; a batch is one transaction, as D1's is. */
function fakeD1(): D1Database {
  const prepare = (sql: string, values: SQLInputValue[] = []) => ({
    run: async () => database.prepare(sql).run(...values),
    all: async () => ({ results: database.prepare(sql).all(...values) }),
    bind: (...bound: SQLInputValue[]) => prepare(sql, bound),
  })
  return {
    prepare,
    async batch(statements: ReturnType<typeof prepare>[]) {
      database.exec('BEGIN')
      try {
        for (const statement of statements) await statement.run()
        database.exec('COMMIT')
      } catch (error) {
        database.exec('ROLLBACK')
        throw error
      }
    },
  } as unknown as D1Database
}

const run = () =>
  migrate(folder, readState(folder), migrationsFolder, async () => {
    opened++
    return fakeD1()
  })

const tables = (): unknown[] =>
  database
    .prepare("SELECT name FROM sqlite_master WHERE name IN ('a', 'b', 'c') ORDER BY name")
    .all()
    .map(({ name }) => name)

describe('the schema of a state folder', () => {
  it('is made on the first start and not looked at again while it is current', async () => {
    writeState(folder, await run())
    expect(tables()).toEqual(['a', 'b'])
    await run()
    expect(opened).toBe(1)
    expect(readState(folder)).toMatchObject({ format: STATE_FORMAT, migrations: ['0000_first.sql'] })
  })

  it('is upgraded when the program has more migrations', async () => {
    writeState(folder, await run())
    writeFileSync(join(migrationsFolder, '0001_second.sql'), 'CREATE TABLE c (x);')
    writeState(folder, await run())
    expect(tables()).toEqual(['a', 'b', 'c'])
  })

  it('goes on after a start that was killed between migrating and writing it down', async () => {
    await run()
    writeState(folder, await run())
    expect(tables()).toEqual(['a', 'b'])
    expect(opened).toBe(2)
  })

  it('stays as it was when a migration fails half way', async () => {
    writeState(folder, await run())
    writeFileSync(join(migrationsFolder, '0001_bad.sql'), 'CREATE TABLE c (x);\n--> statement-breakpoint\nNONSENSE;')
    await expect(run()).rejects.toThrow(/NONSENSE/)
    expect(tables()).toEqual(['a', 'b'])
  })

  it('of a newer program is refused, whether its format or its migrations say so', async () => {
    writeState(folder, { ...(await run()), migrations: ['0000_first.sql', '0007_later.sql'], migrationsHash: 'other' })
    await expect(run()).rejects.toThrow(/newer Nearfield/)
    writeState(folder, { ...readState(folder), format: STATE_FORMAT + 1 })
    expect(() => readState(folder)).toThrow(/newer Nearfield/)
  })
})
