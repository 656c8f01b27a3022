import { describe, expect, it } from 'vitest'
import type { SqlMigration } from '../../../src/core/sql-database.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'

const first: SqlMigration = { id: 'one/1 things', statements: ['CREATE TABLE things (id INTEGER PRIMARY KEY)'] }
const second: SqlMigration = { id: 'one/2 names', statements: ['ALTER TABLE things ADD COLUMN name TEXT'] }
const other: SqlMigration = { id: 'two/1 others', statements: ['CREATE TABLE others (id INTEGER PRIMARY KEY)'] }

const tables = (database: NodeSqlDatabase) =>
  database
    .all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'schema_migrations'")
    .map(({ name }) => name)

describe('applyMigrations', () => {
  it('applies what is missing, once', () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [first, second, other])
    applyMigrations(database, [first, second, other])
    expect(tables(database)).toEqual(['things', 'others'])
    expect(database.all('SELECT id FROM schema_migrations')).toHaveLength(3)
  })

  it('stops where it is told to and goes on from there', () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [first, second, other], first.id)
    expect(tables(database)).toEqual(['things'])
    applyMigrations(database, [first, second, other])
    database.run("INSERT INTO things (name) VALUES ('x')")
    expect(tables(database)).toEqual(['things', 'others'])
  })

  it("lets one owner's history grow after another's was applied", () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [first, other])
    applyMigrations(database, [first, second, other])
    expect(database.get('SELECT count(*) AS count FROM schema_migrations')).toEqual({ count: 3 })
  })

  it('refuses a schema that a newer release wrote', () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [first, second])
    expect(() => applyMigrations(database, [first])).toThrow(/not newer/)
    expect(() => applyMigrations(database, [other])).toThrow(/not newer/)
    expect(tables(database)).toEqual(['things'])
  })

  it('refuses an edited or reordered step', () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [first])
    const edited = { ...first, statements: ['CREATE TABLE things (id TEXT)'] }
    expect(() => applyMigrations(database, [edited])).toThrow(/never edited/)
    expect(() => applyMigrations(database, [second, first])).toThrow(/order/)
  })

  it('leaves nothing behind when a step fails', () => {
    const database = new NodeSqlDatabase()
    const broken = { id: 'one/2 broken', statements: ['CREATE TABLE half (id INTEGER)', 'NOT SQL'] }
    expect(() => applyMigrations(database, [first, broken])).toThrow()
    expect(tables(database)).toEqual([])
  })
})
