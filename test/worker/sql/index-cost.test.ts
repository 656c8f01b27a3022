import { env, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { ExactKeywordIndex } from '../../../src/keyword/exact-keyword-index.ts'
import { DEFAULT_BM25 } from '../../../src/keyword/keyword-index.ts'
import { ExactMetadataIndex } from '../../../src/metadata/exact-metadata-index.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { DurableSqlDatabase } from '../../../src/shard/durable-sql-database.ts'
import { ExactVectorIndex } from '../../../src/vector/exact-vector-index.ts'
import { randomVectors } from '../../contract/vector-index-contract.ts'

const CHUNKS = 200

/** Tables of their own, so that it does not matter what the object itself keeps. */
async function withIndexes(
  test: (
    database: DurableSqlDatabase,
    open: () => readonly [ExactVectorIndex, ExactKeywordIndex, ExactMetadataIndex],
  ) => void,
): Promise<void> {
  await runInDurableObject(env.SHARD.get(env.SHARD.newUniqueId()), async (_instance, state) => {
    await state.storage.deleteAll()
    const database = new DurableSqlDatabase(state.storage)
    for (const { migrations } of [ExactVectorIndex, ExactKeywordIndex, ExactMetadataIndex]) {
      for (const { statements } of migrations) for (const statement of statements) database.run(statement)
    }
    const memory = new ResidentMemory(10_000_000)
    test(database, () => [
      new ExactVectorIndex(database, { key: 's', leg: 'default', dimensions: 384, precision: 'int8', memory }),
      new ExactKeywordIndex(database, { key: 's', memory }),
      new ExactMetadataIndex(database, { key: 's', memory }),
    ])
  })
}

describe("the indexes over a Durable Object's storage", () => {
  it('write one row a vector, one a chunk and one a document, and find after a restart what they found before', () =>
    withIndexes((database, open) => {
      const stored = randomVectors(CHUNKS, 384)
      const [vectors, keywords, metadata] = open()
      const written = () => database.rowsWritten
      let before = written()
      vectors.add(0, stored[0]!)
      const firstOfLeg = written() - before
      expect(firstOfLeg).toBeLessThanOrEqual(3)
      before = written()
      for (let chunk = 1; chunk < CHUNKS; chunk++) vectors.add(chunk, stored[chunk]!)
      expect(written() - before).toBe(CHUNKS - 1)
      before = written()
      for (let chunk = 0; chunk < CHUNKS; chunk++) keywords.add(chunk, `cats and number${chunk % 7}`, 'en')
      expect(written() - before).toBe(CHUNKS)
      before = written()
      for (let document = 0; document < CHUNKS; document++) metadata.add(document, `d${document}`, { n: document % 5 })
      expect(written() - before).toBe(CHUNKS)

      const words = ['cat', 'number3']
      const ask = ([vector, keyword, fields]: ReturnType<typeof open>) => ({
        near: vector.search(stored[7]!, { mask: undefined, candidates: 10 }),
        contain: keyword.search(words, keyword.statistics(words), {
          bm25: DEFAULT_BM25,
          mask: undefined,
          candidates: 10,
        }),
        match: fields.matching(parseFilter({ n: { $gte: 3 } })),
      })
      const found = ask([vectors, keywords, metadata])
      expect(found.near.chunks[0]).toBe(7)
      expect(found.contain.chunks[0]).toBe(3)
      expect(found.match).toHaveLength(80)
      expect(ask(open())).toEqual(found)
    }))

  it('read nothing from storage once they are in memory', () =>
    withIndexes((database, open) => {
      const [vectors, keywords, metadata] = open()
      const stored = randomVectors(20, 384)
      for (const [chunk, vector] of stored.entries()) {
        vectors.add(chunk, vector)
        keywords.add(chunk, 'a cat', 'en')
        metadata.add(chunk, `d${chunk}`, {})
      }
      const ask = () => {
        vectors.search(stored[0]!, { mask: undefined, candidates: 5 })
        keywords.search(['cat'], keywords.statistics(['cat']), { bm25: DEFAULT_BM25, mask: undefined, candidates: 5 })
        metadata.matching(parseFilter({}))
      }
      ask()
      const before = database.rowsRead
      ask()
      expect(database.rowsRead).toBe(before)
    }))
})
