/** The database's schema from empty, and what a Worker says to one that is older than itself. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it } from 'vitest'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { checkD1Limits } from '../../../src/catalog/connection.ts'
import { SCHEMA_VERSION } from '../../../src/catalog/schema.ts'
import { asProblem } from '../../../src/core/problem.ts'

const freshCatalog = (): Catalog => new Catalog(env.DB, Date.now)
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'fine',
    (error: unknown) => asProblem(error)?.code ?? String(error),
  )
const setVersion = (version: number): Promise<unknown> =>
  env.DB.prepare(`UPDATE meta SET value = ? WHERE key = 'schema_version'`).bind(version).run()

afterEach(() => setVersion(SCHEMA_VERSION))

describe('the migrations', () => {
  it('bring an empty database to the version that the Worker needs', async () => {
    expect(await freshCatalog().schemaVersion()).toBe(SCHEMA_VERSION)
    expect(await codeOf(freshCatalog().requireSchema())).toBe('fine')
  })

  it('make no table that could hold content', async () => {
    const { results } = await env.DB.prepare(
      `SELECT t.name || '.' || c.name AS column_name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
       WHERE t.type = 'table' AND t.name IN ('documents', 'jobs', 'job_progress', 'collections', 'generations')`,
    ).all<{ column_name: string }>()
    expect(results.length).toBeGreaterThan(30)
    const content = results.filter(({ column_name }) => /\.(title|url|text|metadata|file)/.test(column_name))
    expect(content).toEqual([])
  })
})

describe('a Worker that is newer than its schema', () => {
  it('says so for whatever is asked, until the schema is there', async () => {
    await setVersion(SCHEMA_VERSION - 1)
    const catalog = freshCatalog()
    expect(await codeOf(catalog.requireSchema())).toBe('schema_out_of_date')
    expect(await codeOf(catalog.tenants.list({ limit: 1 }))).toBe('schema_out_of_date')
    expect(await codeOf(catalog.tenants.create({ name: 'x' }))).toBe('schema_out_of_date')
    await setVersion(SCHEMA_VERSION)
    expect(await codeOf(catalog.tenants.list({ limit: 1 }))).toBe('fine')
  })

  it('says so when a table or a column is missing, as before the first migration', async () => {
    await env.DB.prepare('ALTER TABLE keys RENAME TO keys_away').run()
    expect(await codeOf(freshCatalog().keys.findKey('x'))).toBe('schema_out_of_date')
    await env.DB.prepare('ALTER TABLE keys_away RENAME TO keys').run()
    await env.DB.prepare('ALTER TABLE keys RENAME COLUMN origins TO origins_away').run()
    expect(await codeOf(freshCatalog().keys.findKey('x'))).toBe('schema_out_of_date')
    await env.DB.prepare('ALTER TABLE keys RENAME COLUMN origins_away TO origins').run()
    await env.DB.prepare('ALTER TABLE meta RENAME TO meta_away').run()
    expect(await codeOf(freshCatalog().tenants.list({ limit: 1 }))).toBe('schema_out_of_date')
    await env.DB.prepare('ALTER TABLE meta_away RENAME TO meta').run()
    expect(await codeOf(freshCatalog().keys.findKey('x'))).toBe('fine')
  })

  it('may be older than its schema: changes only expand', async () => {
    await setVersion(SCHEMA_VERSION + 1)
    expect(await codeOf(freshCatalog().requireSchema())).toBe('fine')
  })
})

/** D1 as a binding whose every statement fails with the given message. */
function failing(message: string): D1Database {
  const fail = async (): Promise<never> => {
    throw new Error(message)
  }
  const statement = { bind: () => statement, all: fail, raw: fail, run: fail, first: fail }
  return { prepare: () => statement, batch: fail } as unknown as D1Database
}

describe('the failures of D1', () => {
  it.each([
    'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
    'D1_ERROR: Network connection lost.',
    'D1_ERROR: Internal error while starting up D1 DB storage caused object to be reset.',
    'Network connection lost.',
    'D1 DB storage operation exceeded timeout which caused object to be reset.',
  ])('%s becomes 503', async (message) => {
    expect(await codeOf(new Catalog(failing(message), Date.now).keys.findKey('x'))).toBe('overloaded')
    expect(await codeOf(new Catalog(failing(message), Date.now).requireSchema())).toBe('overloaded')
  })

  it('that are bugs of ours stay bugs, without the values of the statement', async () => {
    const message = 'D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR'
    const outcome = await codeOf(new Catalog(failing(message), Date.now).keys.findKey('canary'))
    expect(outcome).toBe(`Error: ${message}`)
  })
})

describe('a statement', () => {
  it('that production would refuse is refused here', () => {
    const many = Array.from({ length: 101 }, () => 1)
    expect(() => checkD1Limits('SELECT 1', many.slice(1))).not.toThrow()
    expect(() => checkD1Limits('SELECT 1', many)).toThrow('invariant')
    expect(() => checkD1Limits(' '.repeat(100_001), [])).toThrow('invariant')
    expect(() => checkD1Limits('SELECT ?', ['ж'.repeat(950_001)])).toThrow('invariant')
    expect(() => checkD1Limits('SELECT ?', ['ж'.repeat(950_000)])).not.toThrow()
  })
})
