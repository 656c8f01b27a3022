import { describe } from 'vitest'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { sqlDatabaseContract } from '../../contract/sql-database-contract.ts'

describe('the SQL port over node:sqlite', () => {
  sqlDatabaseContract(async (test) => {
    const database = new NodeSqlDatabase()
    try {
      test(database)
    } finally {
      database.close()
    }
  })
})
