/** The one row that makes an object a shard. Without its table the object holds nothing and never did, or was erased. */
import { Problem } from '../core/problem.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { vectorSpace } from '../models/vector-space.ts'
import type { ShardSetup } from './shard-api.ts'

type StoredSetup = Omit<ShardSetup, 'placementEpoch'> & Partial<ShardSetup>

export function findSetup(database: SqlDatabase): ShardSetup | undefined {
  const table = database.get(`SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'setup'`)
  if (table === undefined) return undefined
  const row = database.get<{ setup: string }>('SELECT setup FROM setup')
  // Shards made before the epoch was noted are all of the first one.
  return row && { placementEpoch: 1, ...(JSON.parse(row.setup) as StoredSetup) }
}

/** The space of the shard's vectors. */
export const spaceOfSetup = ({ profileId, profileVersion = 1, dimensions }: ShardSetup): string =>
  vectorSpace({ id: profileId, version: profileVersion, dimensions })

/** @throws profile_mismatch for vectors of another space; where nobody says, dimensions are all that is checked */
export function requireSpace(setup: ShardSetup, space: string | undefined): void {
  if (space !== undefined && space !== spaceOfSetup(setup)) throw new Problem('profile_mismatch')
}

export function writeSetup(database: SqlDatabase, setup: ShardSetup): void {
  database.run('INSERT INTO setup (one, setup) VALUES (1, ?)', JSON.stringify(setup))
}
