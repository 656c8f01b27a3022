/** The one row that makes an object a shard. Without its table the object holds nothing and never did, or was erased. */
import type { SqlDatabase } from '../core/sql-database.ts'
import type { ShardSetup } from './shard-api.ts'

type StoredSetup = Omit<ShardSetup, 'placementEpoch'> & Partial<ShardSetup>

export function findSetup(database: SqlDatabase): ShardSetup | undefined {
  const table = database.get(`SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'setup'`)
  if (table === undefined) return undefined
  const row = database.get<{ setup: string }>('SELECT setup FROM setup')
  // Shards made before the epoch was noted are all of the first one.
  return row && { placementEpoch: 1, ...(JSON.parse(row.setup) as StoredSetup) }
}

export function writeSetup(database: SqlDatabase, setup: ShardSetup): void {
  database.run('INSERT INTO setup (one, setup) VALUES (1, ?)', JSON.stringify(setup))
}
