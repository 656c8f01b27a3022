import { describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { ExactKeywordIndex } from '../../../src/keyword/exact-keyword-index.ts'
import { DEFAULT_BM25 } from '../../../src/keyword/keyword-index.ts'
import { applyMigrations } from '../../../src/shard/apply-migrations.ts'
import { NodeSqlDatabase } from '../../../src/shard/node-sql-database.ts'
import { keywordIndexContract } from '../../contract/keyword-index-contract.ts'

const newDatabase = () => {
  const database = new NodeSqlDatabase()
  applyMigrations(database, ExactKeywordIndex.migrations)
  return database
}

for (const [where, options] of [
  ['in memory', {}],
  ['read from storage', { maxResidentBytes: 0 }],
  ['with postings in many pieces', { maxPieceBytes: 300 }],
] as const) {
  describe(`the exact keyword index, ${where}`, () => {
    const memory = new ResidentMemory(1e9)
    keywordIndexContract({
      database: newDatabase,
      open: (database) => new ExactKeywordIndex(database, { key: 'shard', memory, ...options }),
    })
  })
}

describe('the exact keyword index', () => {
  const search = (index: ExactKeywordIndex, words: string[]) => [
    ...index.search(words, index.statistics(words), {
      bm25: DEFAULT_BM25,
      mask: undefined,
      candidates: Number.POSITIVE_INFINITY,
    }).chunks,
  ]

  it('writes one row a chunk and none a posting', () => {
    const database = newDatabase()
    const index = new ExactKeywordIndex(database, { key: 's', memory: new ResidentMemory(1e9) })
    index.add(1, Array.from({ length: 3_000 }, (_, i) => `word${i}`).join(' '), 'en')
    index.add(1, 'cat', 'en')
    index.add(2, 'dog', 'en')
    expect(database.get('SELECT count(*) AS count FROM keyword_chunks')).toEqual({ count: 2 })
    expect(database.get('SELECT count(*) AS count FROM keyword_pieces')).toEqual({ count: 0 })
    expect(database.all("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).toEqual([])
  })

  it('counts what it holds in memory, and holds nothing after an eviction', () => {
    const memory = new ResidentMemory(1e9)
    const index = new ExactKeywordIndex(newDatabase(), { key: 's', memory })
    for (let chunk = 0; chunk < 500; chunk++) index.add(chunk, `cat number${chunk} of many`, 'en')
    expect(memory.heldBytes).toBe(0)
    index.statistics(['cat'])
    const held = memory.heldBytes
    expect(held).toBeGreaterThan(500 * 60)
    for (let chunk = 500; chunk < 3_000; chunk++) index.add(chunk, `cat number${chunk} of many`, 'en')
    expect(memory.heldBytes).toBeGreaterThan(held * 2)
    index.evict()
    expect(memory.heldBytes).toBe(0)
  })

  it('gives up its memory when it outgrows the limit, and takes it again when it has shrunk', () => {
    const memory = new ResidentMemory(1e9)
    const index = new ExactKeywordIndex(newDatabase(), { key: 's', memory, maxResidentBytes: 1_000_000 })
    for (let chunk = 0; chunk < 10; chunk++) {
      index.add(chunk, Array.from({ length: 900 }, (_, i) => `word${chunk}x${i}`).join(' '), 'en')
    }
    expect(search(index, ['word3x5'])).toEqual([3])
    expect(memory.heldBytes).toBeGreaterThan(0)
    for (let chunk = 10; chunk < 40; chunk++) {
      index.add(chunk, Array.from({ length: 900 }, (_, i) => `word${chunk}x${i}`).join(' '), 'en')
    }
    expect(search(index, ['word33x5'])).toEqual([33])
    expect(memory.heldBytes).toBe(0)
    index.remove(Array.from({ length: 30 }, (_, i) => 10 + i))
    expect(search(index, ['word3x5'])).toEqual([3])
    expect(memory.heldBytes).toBeGreaterThan(0)
  })

  it('builds itself anew when most of what it holds is dead', () => {
    const memory = new ResidentMemory(1e9)
    const index = new ExactKeywordIndex(newDatabase(), { key: 's', memory })
    search(index, ['cat'])
    for (let round = 0; round < 1_200; round++) index.add(1, `cat round${round}`, 'en')
    expect(search(index, ['cat', 'round1199', 'round3'])).toEqual([1])
    expect(index.statistics(['cat', 'round3'])).toEqual({ chunks: 1, totalLength: 2, documentFrequencies: [1, 0] })
  })

  it('is not misled by what an earlier run of the object left in memory', () => {
    const memory = new ResidentMemory(1e9)
    const database = newDatabase()
    const earlier = new ExactKeywordIndex(database, { key: 's', memory })
    earlier.add(1, 'cat', 'en')
    search(earlier, ['cat'])
    database.run('DELETE FROM keyword_chunks')
    expect(search(new ExactKeywordIndex(database, { key: 's', memory }), ['cat'])).toEqual([])
  })

  it('shows no trace of a transaction that was rolled back, once evicted', () => {
    const database = newDatabase()
    const index = new ExactKeywordIndex(database, { key: 's', memory: new ResidentMemory(1e9) })
    index.add(1, 'cat', 'en')
    search(index, ['cat'])
    expect(() =>
      database.transaction(() => {
        index.add(2, 'cat', 'en')
        index.remove([1])
        throw new Error('on purpose')
      }),
    ).toThrow('on purpose')
    index.evict()
    expect(search(index, ['cat'])).toEqual([1])
  })

  it('can be rebuilt from texts', () => {
    const index = new ExactKeywordIndex(newDatabase(), { key: 's', memory: new ResidentMemory(1e9) })
    index.add(1, 'old', 'en')
    index.rebuild([{ chunk: 2, text: 'new cats', language: 'en' }])
    expect(search(index, ['old', 'cat'])).toEqual([2])
  })
})
