import { env, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { DurableSqlDatabase } from '../../../src/shard/durable-sql-database.ts'
import { sqlDatabaseContract, type WithDatabase } from '../../contract/sql-database-contract.ts'

const withDatabase: WithDatabase = async (test) => {
  const stub = env.SHARD.get(env.SHARD.newUniqueId())
  await runInDurableObject(stub, (_instance, state) => {
    test(new DurableSqlDatabase(state.storage))
  })
}

describe("the SQL port over a Durable Object's storage", () => {
  sqlDatabaseContract(withDatabase)

  it('counts the rows that are read and written, as they are billed', () =>
    withDatabase((database) => {
      if (!(database instanceof DurableSqlDatabase)) throw new Error('the adapter under test is another one')
      database.run('CREATE TABLE counted (id INTEGER PRIMARY KEY, value TEXT) WITHOUT ROWID')
      const written = database.rowsWritten
      const read = database.rowsRead
      database.run("INSERT INTO counted VALUES (1, 'a'), (2, 'b')")
      expect(database.rowsWritten - written).toBe(2)
      database.all('SELECT * FROM counted')
      expect(database.rowsRead - read).toBeGreaterThanOrEqual(2)
    }))
})
