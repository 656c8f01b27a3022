/** The one row that makes an object a shard. Without its table the object holds nothing and never did, or was erased. */
import { canonicalJson } from '../core/canonical-json.ts'
import { Problem } from '../core/problem.ts'
import type { SqlDatabase } from '../core/sql-database.ts'
import { vectorSpace } from '../models/vector-space.ts'
import type { ShardSetup } from './shard-api.ts'
import type { ChosenModel } from './write-context.ts'

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

/**
 * For reads, and for what writes nothing yet. A shard whose model is not chosen is empty, and has no space.
 * @throws profile_mismatch for vectors of another space; where nobody says, dimensions are all that is checked
 */
export function requireSpace(setup: ShardSetup, space: string | undefined): void {
  if (space !== undefined && setup.isModelOpen !== true && space !== spaceOfSetup(setup)) {
    throw new Problem('profile_mismatch')
  }
}

/** Nothing is stored before a model is chosen. @throws profile_mismatch */
export function requireWritable(setup: ShardSetup, space: string | undefined): void {
  if (setup.isModelOpen === true) throw new Problem('profile_mismatch')
  requireSpace(setup, space)
}

/**
 * The setup with the choice made: once, and for good, whoever comes later. D1 has said which model it is, and a write tells each
 * shard at its first chance, so nothing is lost when a process dies between the two. Dimensions stay.
 */
export function chooseModel(setup: ShardSetup, chosen: ChosenModel): ShardSetup {
  const { isModelOpen, ...rest } = setup
  return isModelOpen === true ? { ...rest, ...chosen } : setup
}

/** What a choice decided, of a setup in which it is made. */
export const chosenOf = ({
  generation,
  profileId,
  profileVersion,
  pricePerMillionTokens,
}: ShardSetup): ChosenModel => ({
  generation,
  profileId,
  ...(profileVersion === undefined ? {} : { profileVersion }),
  ...(pricePerMillionTokens === undefined ? {} : { pricePerMillionTokens }),
})

/** Whether a shard is what it is asked to become. A creation may be repeated after the first documents have chosen the model. */
export function isSetUpAs(stored: ShardSetup, asked: ShardSetup): boolean {
  const expected = stored.isModelOpen === true ? asked : chooseModel(asked, chosenOf(stored))
  return canonicalJson(stored) === canonicalJson(expected)
}

export function writeSetup(database: SqlDatabase, setup: ShardSetup): void {
  database.run('INSERT OR REPLACE INTO setup (one, setup) VALUES (1, ?)', JSON.stringify(setup))
}
