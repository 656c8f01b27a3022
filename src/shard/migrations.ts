/** The whole schema of a shard's SQLite: the histories of its rooms, in the order in which they are applied. */
import type { SqlMigration } from '../core/sql-database.ts'
import { ExactKeywordIndex } from '../keyword/exact-keyword-index.ts'
import { ExactMetadataIndex } from '../metadata/exact-metadata-index.ts'
import { ExactVectorIndex } from '../vector/exact-vector-index.ts'
import { SHARD_MIGRATIONS } from './schema.ts'

export const MIGRATIONS: readonly SqlMigration[] = [
  ...SHARD_MIGRATIONS,
  ...ExactVectorIndex.migrations,
  ...ExactKeywordIndex.migrations,
  ...ExactMetadataIndex.migrations,
]
