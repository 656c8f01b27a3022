/**
 * What the state folder says about itself in `state.json`: its format, which D1 migrations it has, whether the first run
 * was finished. An older folder is upgraded at the next start; one made by a newer Nearfield is refused, because the
 * older program would misread it.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, writeAtomically } from './files.ts'
import { StartError } from './options.ts'

/** Rises when the folder's layout changes in a way that an older program cannot read. */
export const STATE_FORMAT = 1

export interface State {
  readonly format: number
  /** SHA-256 over the names and contents of the applied migrations; empty before the first. */
  readonly migrationsHash: string
  readonly migrations: readonly string[]
  readonly firstRunDone: boolean
}

interface Migration {
  readonly name: string
  readonly statements: readonly string[]
}

const NEW: State = { format: STATE_FORMAT, migrationsHash: '', migrations: [], firstRunDone: false }

export const statePath = (folder: string): string => join(folder, 'state.json')

export function writeState(folder: string, state: State): void {
  writeAtomically(statePath(folder), `${JSON.stringify(state, undefined, 2)}\n`)
}

/** Reads `state.json`. @throws StartError for a folder of a newer Nearfield */
export function readState(folder: string): State {
  const text = readIfThere(statePath(folder))
  if (text === undefined) return NEW
  const state: State = { ...NEW, ...JSON.parse(text) }
  if (state.format > STATE_FORMAT) {
    throw new StartError(
      `${folder} was written by a newer Nearfield (format ${state.format}, this one knows ${STATE_FORMAT}). ` +
        'Use that version, or another --state.',
    )
  }
  return state
}

/** Reads drizzle's SQL files in order; statements are separated by its break-point comment. */
export function readMigrations(folder: string): { migrations: Migration[]; hash: string } {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
  const hash = createHash('sha256')
  const migrations = names.map((name) => {
    const sql = readFileSync(join(folder, name), 'utf8')
    hash.update(`${name}\0${sql}\0`)
    const statements = sql.split('--> statement-breakpoint').map((statement) => statement.trim())
    return { name, statements: statements.filter((statement) => statement !== '') }
  })
  return { migrations, hash: hash.digest('hex') }
}

/**
 * Brings D1 to the current schema and returns the state to be written. Each migration and its entry in
 * `d1_migrations` (the table that wrangler keeps too) are one transaction, so a start that was killed goes on here.
 * @throws StartError when the database has migrations that this Nearfield does not know
 */
export async function migrate(
  folder: string,
  state: State,
  migrationsFolder: string,
  open: () => Promise<D1Database>,
): Promise<State> {
  const { migrations, hash } = readMigrations(migrationsFolder)
  if (hash === state.migrationsHash) return state
  const known = new Set(migrations.map(({ name }) => name))
  refuseNewer(folder, state.migrations, known)
  const database = await open()
  await database
    .prepare(
      'CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, ' +
        'applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)',
    )
    .run()
  const rows = await database.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
  const applied = new Set(rows.results.map(({ name }) => name))
  refuseNewer(folder, [...applied], known)
  for (const { name, statements } of migrations) {
    if (applied.has(name)) continue
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
    ])
  }
  return { ...state, migrationsHash: hash, migrations: migrations.map(({ name }) => name) }
}

function refuseNewer(folder: string, applied: readonly string[], known: ReadonlySet<string>): void {
  const newer = applied.find((name) => !known.has(name))
  if (newer === undefined) return
  throw new StartError(
    `${folder} was written by a newer Nearfield (it has ${newer}). Use that version, or another --state.`,
  )
}
