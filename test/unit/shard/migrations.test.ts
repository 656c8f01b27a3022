import { describe, expect, it } from 'vitest'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { MIGRATIONS } from '../../../src/shard/migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { findSetup, writeSetup } from '../../../src/shard/shard-setup.ts'
import { NodeShard, SETUP } from '../../support/node-shard.ts'

const tables = (database: NodeSqlDatabase): unknown[] =>
  database.all(`SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name`)

describe("a shard's schema", () => {
  it.each(MIGRATIONS.map(({ id }) => id))('is brought up to date from %s and works', async (id) => {
    const database = new NodeSqlDatabase()
    applyMigrations(database, MIGRATIONS, id)
    writeSetup(database, SETUP)
    const shard = new NodeShard({ database })
    const fresh = new NodeShard()
    expect(tables(database)).toEqual(tables(fresh.database))
    expect(findSetup(database)).toEqual(SETUP)
    await shard.put({ id: 'x', text: 'heron' })
    await shard.stage('job_1', [{ id: 'y', text: 'otter' }])
    await shard.alarm.run()
    expect([shard.find('heron'), shard.find('otter')]).toEqual([['x'], ['y']])
  })

  it('keeps what is stored when it is opened again', async () => {
    const before = new NodeShard()
    await before.put({ id: 'x', text: 'heron' })
    await before.stage('job_1', [{ id: 'y', text: 'otter' }])
    const after = new NodeShard({ database: before.database })
    expect(after.find('heron')).toEqual(['x'])
    await after.alarm.run()
    expect(after.find('otter')).toEqual(['y'])
  })

  it('has no setup before it is made and after its tables are gone', () => {
    expect(findSetup(new NodeSqlDatabase())).toBeUndefined()
    const database = new NodeSqlDatabase()
    applyMigrations(database, MIGRATIONS)
    expect(findSetup(database)).toBeUndefined()
  })

  it('holds no content in the change log, tombstones and job items', async () => {
    const shard = new NodeShard()
    const draft = { text: 'canary words', title: 'canary', metadata: { canary: 'canary' } }
    await shard.put({ id: 'x', ...draft })
    await shard.put({ id: 'gone', ...draft })
    await shard.delete('gone')
    await shard.stage('job_1', [{ id: 'y', ...draft }])
    await shard.alarm.run()
    for (const table of ['change_log', 'tombstones', 'job_items', 'readers', 'setup']) {
      expect(JSON.stringify(shard.database.all(`SELECT * FROM ${table}`))).not.toContain('canary')
    }
  })
})
