/** `docs/storage.md` is a contract: every table and column it lists exists, and every one that exists is listed. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FILES_MIGRATIONS } from '../../src/files/migrations.ts'
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { MIGRATIONS } from '../../src/shard/migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import { Sources } from '../../src/sources/sources.ts'
import { TENANT_MIGRATIONS } from '../../src/tenancy/migrations.ts'

const page = readFileSync('docs/storage.md', 'utf8')

/** The part of the page under one heading of the second level. */
function section(heading: string): string {
  const part = page.split(/^## /m).find((text) => text.startsWith(heading))
  if (part === undefined) throw new Error(`docs/storage.md has no section "${heading}"`)
  return part
}

/** Rows of the section's tables whose header begins with `table`: name → everything the row says. */
function listed(text: string): Map<string, string> {
  const tables = text.split(/\n\n+/).filter((block) => block.trimStart().startsWith('| table |'))
  const rows = tables.flatMap((block) => block.trim().split('\n').slice(2))
  return new Map(rows.map((row) => [/^\| `(\w+)`/.exec(row)?.[1] ?? row, row]))
}

function compare(text: string, database: NodeSqlDatabase): void {
  const rows = listed(text)
  const real = database
    .all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .map(({ name }) => name)
  expect([...rows.keys()].sort()).toEqual(real.sort())
  for (const [table, row] of rows) {
    const columns = database.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
    for (const { name } of columns) expect(row.includes(`\`${name}\``), `${table}.${name} is on the page`).toBe(true)
  }
}

describe('docs/storage.md', () => {
  it('lists the tables and columns of D1', () => {
    const database = new NodeSqlDatabase()
    for (const file of globSync('migrations/*.sql').sort()) {
      for (const statement of readFileSync(file, 'utf8').split('--> statement-breakpoint')) database.run(statement)
    }
    compare(section('D1'), database)
  })

  it("lists the tables and columns of a shard's object", () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, MIGRATIONS)
    compare(section("The shard's object"), database)
  })

  it("lists the tables and columns of a tenant's object", () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, TENANT_MIGRATIONS)
    compare(section("The tenant's object"), database)
  })

  it('lists the tables and columns of a files object', () => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, [...FILES_MIGRATIONS, ...Sources.migrations])
    compare(section('The files object'), database)
  })

  it('names every binding that wrangler.toml has', () => {
    const config = readFileSync('wrangler.toml', 'utf8')
    const bindings = [...config.matchAll(/^(?:binding|name) = "([A-Z]+)"$/gm)].map((match) => match[1] ?? '')
    expect(bindings.length).toBeGreaterThan(3)
    for (const binding of bindings) expect(page).toContain(`\`${binding}\``)
  })
})
