/**
 * Brings a database's schema up to date. Each owner (the part of a migration's id before the slash) has its own
 * append-only history; what was applied is remembered with its full text, so an edited, reordered or dropped step is
 * noticed before anything is touched.
 */
import { invariant } from '../core/invariant.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'

interface AppliedMigration {
  readonly id: string
  readonly statements: string
}

/**
 * Applies what is missing, in list order, in one transaction. `upTo` (an id, inclusive) stops there: tests open
 * databases of earlier releases with it. Throws, and changes nothing, when the database holds a step that `migrations` does not
 * know (a newer release wrote it) or knows differently.
 */
export function applyMigrations(database: SqlDatabase, migrations: readonly SqlMigration[], upTo?: string): void {
  const end = upTo === undefined ? migrations.length : migrations.findIndex(({ id }) => id === upTo) + 1
  invariant(upTo === undefined || end > 0, `the migration ${upTo} exists`)
  invariant(new Set(migrations.map(({ id }) => id)).size === migrations.length, 'migration ids are unique')
  database.transaction(() => {
    database.run(
      'CREATE TABLE IF NOT EXISTS schema_migrations (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, statements TEXT NOT NULL) STRICT',
    )
    const applied = database.all<AppliedMigration>('SELECT id, statements FROM schema_migrations ORDER BY position')
    checkHistory(applied, migrations)
    const done = new Set(applied.map(({ id }) => id))
    for (const migration of migrations.slice(0, end)) {
      if (done.has(migration.id)) continue
      for (const statement of migration.statements) database.run(statement)
      database.run(
        'INSERT INTO schema_migrations (id, statements) VALUES (?, ?)',
        migration.id,
        migration.statements.join(';\n'),
      )
    }
  })
}

/** Per owner, what was applied must be the beginning of what is known, word for word. */
function checkHistory(applied: readonly AppliedMigration[], known: readonly SqlMigration[]): void {
  const knownByOwner = byOwner(known)
  for (const [owner, steps] of byOwner(applied)) {
    const expected = knownByOwner.get(owner) ?? []
    for (const [index, step] of steps.entries()) {
      const match = expected[index]
      invariant(
        known.some(({ id }) => id === step.id),
        `the schema is not newer than this release: ${step.id}`,
      )
      invariant(match?.id === step.id, `migrations keep their order: ${step.id}`)
      invariant(match.statements.join(';\n') === step.statements, `a released migration is never edited: ${step.id}`)
    }
  }
}

function byOwner<Step extends { readonly id: string }>(steps: readonly Step[]): Map<string, Step[]> {
  const owners = new Map<string, Step[]>()
  for (const step of steps) {
    const owner = step.id.slice(0, step.id.indexOf('/'))
    const list = owners.get(owner)
    if (list === undefined) owners.set(owner, [step])
    else list.push(step)
  }
  return owners
}
