/** The files in `migrations/`: one a version, each recording itself, equal to what the schema in the source says. */
import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { getTableConfig } from 'drizzle-orm/sqlite-core'
import type { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { describe, expect, it } from 'vitest'
import * as schema from '../../../src/catalog/schema.ts'

const FOLDER = 'migrations'
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.sql'))
  .sort()
const { SCHEMA_VERSION, ...tables } = schema

function migrated(): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  for (const file of files) database.exec(readFileSync(`${FOLDER}/${file}`, 'utf8'))
  return database
}

describe('the migrations', () => {
  it('are numbered without a gap, and each raises the schema version by one', () => {
    expect(files).toHaveLength(SCHEMA_VERSION)
    for (const [index, file] of files.entries()) {
      expect(file).toMatch(new RegExp(`^${String(index).padStart(4, '0')}_[a-z_]+\\.sql$`))
      const sql = readFileSync(`${FOLDER}/${file}`, 'utf8')
      expect(sql.trimEnd().split('\n').at(-1)).toContain(`VALUES ('schema_version', ${index + 1})`)
    }
    expect(migrated().prepare('SELECT * FROM meta').all()).toEqual([{ key: 'schema_version', value: SCHEMA_VERSION }])
  })

  it('make exactly the tables, columns and indexes of src/catalog/schema.ts', () => {
    const database = migrated()
    const expected = Object.values<SQLiteTable>(tables).map(getTableConfig)
    const made = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
    expect(made.map(({ name }) => name)).toEqual(expected.map(({ name }) => name).sort())
    for (const { name, columns, indexes } of expected) {
      const actual = database.prepare('SELECT name FROM pragma_table_info(?)').all(name)
      expect(actual.map((column) => String(column['name'])).sort(), name).toEqual(
        columns.map((column) => column.name).sort(),
      )
      const actualIndexes = database.prepare("SELECT name FROM pragma_index_list(?) WHERE origin = 'c'").all(name)
      expect(actualIndexes.map((index) => String(index['name'])).sort(), name).toEqual(
        indexes.map(({ config }) => config.name).sort(),
      )
    }
  })

  it('keep every row of the release before', () => {
    const [first = '', ...later] = files
    const database = new DatabaseSync(':memory:')
    database.exec(readFileSync(`${FOLDER}/${first}`, 'utf8'))
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    const before = new Map<string, Record<string, unknown>[]>()
    for (const { name } of names) {
      const columns = database.prepare('SELECT name, type FROM pragma_table_info(?)').all(String(name))
      const values = columns.map((column, index) => (column['type'] === 'integer' ? index : `${String(name)} ${index}`))
      if (name !== 'meta') {
        const places = columns.map(() => '?').join(', ')
        database.prepare(`INSERT INTO ${String(name)} VALUES (${places})`).run(...values)
      }
      before.set(String(name), database.prepare(`SELECT * FROM ${String(name)}`).all())
    }
    for (const file of later) database.exec(readFileSync(`${FOLDER}/${file}`, 'utf8'))
    for (const [name, rows] of before) {
      if (name === 'meta') continue
      expect(rows).toHaveLength(1)
      // What was added is empty, or says what held before without words: every job was one of documents.
      const [row] = database.prepare(`SELECT * FROM ${name}`).all()
      const added = Object.entries(row ?? {}).filter(([column]) => !(column in (rows[0] ?? {})))
      expect({ ...row }, name).toEqual({ ...rows[0], ...Object.fromEntries(added) })
      expect(
        added.filter(([, value]) => value !== null),
        name,
      ).toEqual(name === 'jobs' ? [['kind', 'documents']] : [])
    }
    expect(database.prepare('SELECT value FROM meta').get()).toEqual({ value: SCHEMA_VERSION })
  })
})
