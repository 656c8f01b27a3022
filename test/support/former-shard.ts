/** A shard's database as the release before tenancy left it, made from a present one: its schema, and what its columns hold. */
import { applyMigrations } from '../../src/shard/apply-migrations.ts'
import { MIGRATIONS } from '../../src/shard/migrations.ts'
import { NodeSqlDatabase } from '../../src/shard/node-sql-database.ts'
import type { SqlValue } from '../../src/core/sql-database.ts'

const LATER = new Set(['shard/3 access lists', 'shard/4 metering', 'metadata/2 acl', 'shard/5 locations'])

export function formerShard(present: NodeSqlDatabase): NodeSqlDatabase {
  const former = new NodeSqlDatabase()
  applyMigrations(
    former,
    MIGRATIONS.filter(({ id }) => !LATER.has(id)),
  )
  const tables = former.all<{ name: string }>(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'schema_migrations' AND name NOT LIKE 'sqlite_%'`,
  )
  for (const { name } of tables) {
    const columns = former.all<{ name: string }>('SELECT name FROM pragma_table_info(?)', name).map((row) => row.name)
    for (const row of present.all<Record<string, SqlValue>>(`SELECT ${columns.join(', ')} FROM ${name}`)) {
      former.run(
        `INSERT OR REPLACE INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        ...columns.map((column) => row[column] ?? null),
      )
    }
  }
  // It had no reader but the catalogue.
  former.run(`DELETE FROM readers WHERE name = 'tenant'`)
  return former
}
