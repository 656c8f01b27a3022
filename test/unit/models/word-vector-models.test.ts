import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { asProblem } from '../../../src/core/problem.ts'
import { MAX_WORD_VECTORS_BYTES } from '../../../src/core/limits.ts'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { type MadeWordVectors, WordVectorWorkshop } from '../../../src/models/word-vector-models.ts'
import { WordVectorsEmbedder, WordVectorsLoader } from '../../../src/models/word-vectors-embedder.ts'
import { PackedVectors } from '../../../src/word-vectors/packed-vectors.ts'
import { embedderContract } from '../../contract/embedder-contract.ts'

const folder = join(import.meta.dirname, '../../fixtures/word-vectors')
const fixture = (name: string): Uint8Array => readFileSync(join(folder, name))

function world() {
  const time = { nowMs: 1_000 }
  const memory = new ResidentMemory(90_000_000)
  const workshop = new WordVectorWorkshop({ memory, clock: () => time.nowMs, giveTurn: async () => {} })
  return { time, memory, workshop }
}

const piecesOf = (...pieces: readonly Uint8Array[]) => {
  const left = [...pieces]
  return async (): Promise<Uint8Array | undefined> => left.shift()
}

const code = async (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => 'done',
    (error) => asProblem(error)?.code,
  )

const imported = (name: string): Promise<MadeWordVectors> => world().workshop.importFile(piecesOf(fixture(name)), {})

describe('models made of word vectors', () => {
  it('have a profile of their own, named by what they hold', async () => {
    const { workshop } = world()
    const options = { languages: ['en', 'de'], licence: 'CC0-1.0' }
    const { profile, origin, words, packed, sha256 } = await workshop.importFile(
      piecesOf(fixture('word2vec.bin')),
      options,
    )
    expect(origin).toBe('word2vec-binary')
    expect(profile).toMatchObject({ dimensions: 16, maxTokens: 2_048, normalised: true, ...options })
    expect(profile.id).toBe(`word-vectors-${sha256.slice(0, 16)}`)
    expect(new PackedVectors(packed).wordCount).toBe(words)
    expect((await imported('word2vec.bin')).profile.id).toBe(profile.id)
    expect((await imported('fasttext.vec')).profile.id).not.toBe(profile.id)
  })

  it('are made of as many words as are asked for', async () => {
    const { workshop } = world()
    expect((await workshop.importFile(piecesOf(fixture('glove.txt')), { maxWords: 9 })).words).toBe(9)
  })

  it('are refused when a file is too long, and the sender is told what to do', async () => {
    const { workshop } = world()
    const piece = new TextEncoder().encode(`word 1 2\n`.repeat(100_000))
    const endless = async (): Promise<Uint8Array> => piece
    const refused = workshop.importFile(endless, {})
    await expect(refused).rejects.toThrow(`${MAX_WORD_VECTORS_BYTES} bytes: send its beginning, with cut=true`)
    expect(await code(workshop.importFile(piecesOf(fixture('glove.txt')), {}))).toBe('done')
  })

  it('are made one at a time, and a cancelled request holds nobody up for long', async () => {
    const { time, memory, workshop } = world()
    // Its client goes away: it never goes on.
    void workshop.importFile(() => new Promise(() => {}), {})
    expect(memory.heldBytes).toBeGreaterThan(0)
    time.nowMs += 29_000
    expect(await code(workshop.train(['a b'], { dimensions: 16, minCount: 1, window: 2 }))).toBe('overloaded')
    time.nowMs += 2_000
    expect(await code(workshop.importFile(piecesOf(fixture('glove.txt')), {}))).toBe('done')
    expect(memory.heldBytes).toBe(0)
  })

  it('are made one at a time where a slow sender comes back to its turn too late', async () => {
    const { time, memory, workshop } = world()
    const resume = Promise.withResolvers<Uint8Array | undefined>()
    const slow = code(workshop.importFile(() => resume.promise, {}))
    time.nowMs += 31_000
    const next = Promise.withResolvers<Uint8Array | undefined>()
    const pieces = [Promise.resolve(fixture('glove.txt')), next.promise]
    const other = code(workshop.importFile(async () => pieces.shift(), {}))
    resume.resolve(fixture('word2vec.bin'))
    expect(await slow).toBe('overloaded')
    expect(memory.heldBytes).toBeGreaterThan(0)
    expect(await code(workshop.importFile(piecesOf(fixture('glove.txt')), {}))).toBe('overloaded')
    next.resolve(undefined)
    expect(await other).toBe('done')
    expect(memory.heldBytes).toBe(0)
  })

  it('are trained on texts, and refused where there is nothing to learn from', async () => {
    const { workshop } = world()
    const texts = Array.from(
      { length: 40 },
      (_, i) => `the boat ${i % 2 === 0 ? 'sank in a storm' : 'sails to a harbour'}`,
    )
    const { origin, words } = await workshop.train(texts, { dimensions: 16, minCount: 2, window: 5 })
    expect({ origin, words }).toEqual({ origin: 'ppmi-svd', words: 9 })
    expect(await code(workshop.train([], { dimensions: 16, minCount: 2, window: 5 }))).toBe('invalid_request')
  })
})

async function embedder(): Promise<WordVectorsEmbedder> {
  const { packed, profile } = await imported('word2vec.txt')
  const loader = new WordVectorsLoader({ memory: new ResidentMemory(90_000_000), readPacked: async () => packed })
  return new WordVectorsEmbedder(profile, loader, 'key')
}

embedderContract('word vectors', ['query', 'passage'], embedder)

describe('files of word vectors in memory', () => {
  it('are read once and counted, and read again after they were dropped', async () => {
    const { packed } = await imported('glove.txt')
    const memory = new ResidentMemory(90_000_000)
    const read: string[] = []
    const loader = new WordVectorsLoader({
      memory,
      async readPacked(key) {
        read.push(key)
        return packed
      },
    })
    await Promise.all([loader.get('one'), loader.get('one'), loader.get('two')])
    await loader.get('one')
    expect(read).toEqual(['one', 'two'])
    expect(memory.heldBytes).toBe(2 * packed.byteLength)
    memory.deletePrefix('model/')
    await loader.get('one')
    expect(read).toEqual(['one', 'two', 'one'])
  })

  it('are missed when they are gone', async () => {
    const loader = new WordVectorsLoader({ memory: new ResidentMemory(1_000), readPacked: async () => undefined })
    await expect(loader.get('gone')).rejects.toThrow('is gone')
  })
})
