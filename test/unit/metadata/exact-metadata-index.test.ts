import { describe } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { ExactMetadataIndex } from '../../../src/metadata/exact-metadata-index.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { metadataIndexContract } from '../../contract/metadata-index-contract.ts'

for (const [where, maxResidentBytes] of [
  ['in memory', 1e9],
  ['read from storage', 0],
  ['partly too large', 2_000],
] as const) {
  describe(`the exact metadata index, ${where}`, () => {
    const memory = new ResidentMemory(1e9)
    metadataIndexContract({
      database: () => {
        const database = new NodeSqlDatabase()
        applyMigrations(database, ExactMetadataIndex.migrations)
        return database
      },
      open: (database) => new ExactMetadataIndex(database, { key: 'shard', memory, maxResidentBytes }),
    })
  })
}
