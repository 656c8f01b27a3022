/** `edge-multilingual` as shipped: its files are what their names say, and its vectors are near those of the reference. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { EdgeEmbedder } from '../../../src/models/edge/edge-embedder.ts'
import { EDGE_EN_RECIPE, EdgeModelLoader } from '../../../src/models/edge/edge-model.ts'
import {
  EDGE_MULTILINGUAL_LAYERS,
  EDGE_MULTILINGUAL_TOKENIZER,
  EDGE_MULTILINGUAL_WORDS,
} from '../../../src/models/edge/edge-multilingual-asset.ts'
import { EDGE_MULTILINGUAL_RECIPE, EDGE_MULTILINGUAL_RESIDENT_KEY } from '../../../src/models/edge/edge-multilingual.ts'
import { EDGE_EN, EDGE_MULTILINGUAL } from '../../../src/models/profiles.ts'
import { embedderContract } from '../../contract/embedder-contract.ts'
import { edgeKernelModule, readAsset } from '../../support/edge-model.ts'

const ROOT = join(import.meta.dirname, '../../..')
const FIXTURES = join(ROOT, 'test/fixtures/edge-multilingual')
const BUDGET_BYTES = 96_000_000
const MAX_FILE_BYTES = 8_000_000
const MAX_MODEL_BYTES = 75_000_000

const modules = { relaxedModule: edgeKernelModule('relaxed'), plainModule: edgeKernelModule('plain') }

interface World {
  readonly memory: ResidentMemory
  readonly reads: string[]
  readonly loader: EdgeModelLoader
  readonly embedder: EdgeEmbedder
}

function world(budgetBytes = BUDGET_BYTES): World {
  const memory = new ResidentMemory(budgetBytes)
  const reads: string[] = []
  const counting = (path: string): Promise<ArrayBuffer> => {
    reads.push(path)
    return readAsset(path)
  }
  const loader = new EdgeModelLoader({ readAsset: counting, ...modules, memory }, EDGE_MULTILINGUAL_RECIPE)
  return { memory, reads, loader, embedder: new EdgeEmbedder(EDGE_MULTILINGUAL, loader) }
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

describe('the files', () => {
  interface Manifest {
    readonly bytes: number
    readonly files: readonly { file: string; part: string; bytes: number; sha256: string }[]
    readonly source: { license: string; sha256: string }
  }
  const folder = join(ROOT, 'assets/models/edge-multilingual')
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest

  it('are named by their content, as the manifest has them, and fit into a repository', () => {
    for (const { file, bytes, sha256 } of manifest.files) {
      const content = readFileSync(join(folder, file))
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256)
      expect(file).toBe(`${sha256.slice(0, 32)}.bin`)
      expect(content.byteLength).toBe(bytes)
      expect(bytes).toBeLessThanOrEqual(MAX_FILE_BYTES)
    }
    expect(manifest.bytes).toBe(manifest.files.reduce((sum, { bytes }) => sum + bytes, 0))
    expect(manifest.bytes).toBeLessThanOrEqual(MAX_MODEL_BYTES)
    expect(manifest.source).toMatchObject({ license: 'MIT', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('are those that the loader reads, in its order', () => {
    const read = [EDGE_MULTILINGUAL_TOKENIZER, ...EDGE_MULTILINGUAL_LAYERS, ...EDGE_MULTILINGUAL_WORDS]
    expect(read.map((path) => basename(path))).toEqual(manifest.files.map(({ file }) => file))
  })
})

describe('vectors', () => {
  it('have a cosine of .995 and more, on average, to the engine that the weights were published with', async () => {
    const lines = gunzipSync(readFileSync(join(FIXTURES, 'parity.jsonl.gz')))
      .toString('utf8')
      .trim()
      .split('\n')
    const codes = new Int8Array(readFileSync(join(FIXTURES, 'parity.i8')))
    expect(codes).toHaveLength(500 * 384)
    expect(lines).toHaveLength(500)
    const { loader } = world()
    const model = await loader.get()
    const { queryPrefix, passagePrefix } = EDGE_MULTILINGUAL
    const cosines: number[] = []
    // Every fifth text: all 500 take a minute. The model itself, before the embedder takes away what vectors have in common.
    for (let row = 0; row < lines.length; row += 5) {
      const [kind, text] = JSON.parse(lines[row]!) as ['query' | 'passage', string]
      const [vector] = await model.embed([(kind === 'query' ? queryPrefix : passagePrefix) + text])
      const expected = Float32Array.from(codes.subarray(row * 384, (row + 1) * 384))
      cosines.push(dot(vector!, expected) / Math.hypot(...expected))
    }
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.975)
    expect(cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length).toBeGreaterThan(0.995)
  })

  it('have cosines near 0 where texts have nothing in common, and a centre that is their mean', async () => {
    const { embedder, loader } = world()
    const { centre } = await loader.get()
    expect(Math.hypot(...centre!)).toBeGreaterThan(0.85)
    const pairs = questions.flatMap((language) => language.pairs)
    const asked = await embedder.embed(
      pairs.map(([question]) => question),
      { kind: 'query' },
    )
    const answers = await embedder.embed(
      pairs.map(([, answer]) => answer),
      { kind: 'passage' },
    )
    const cosines = asked.flatMap((a, i) => answers.filter((_, j) => i % 10 !== j % 10).map((b) => dot(a, b)))
    const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length
    expect(Math.abs(mean)).toBeLessThan(0.2)
  })

  it('find the answers to questions in five languages among the same answers in all, which edge-en does not', async () => {
    const english = new EdgeModelLoader(
      { readAsset, ...modules, memory: new ResidentMemory(BUDGET_BYTES) },
      EDGE_EN_RECIPE,
    )
    const multilingual = await quality(world().embedder)
    const edgeEn = await quality(new EdgeEmbedder(EDGE_EN, english))
    expect(multilingual.map(({ language }) => language)).toEqual(['ar', 'ja', 'de', 'hi', 'ru'])
    for (const [i, { ndcg }] of multilingual.entries()) {
      expect(ndcg).toBeGreaterThan(0.7)
      expect(ndcg).toBeGreaterThan(edgeEn[i]!.ndcg + 0.15)
    }
    expect(multilingual.reduce((sum, { ndcg }) => sum + ndcg, 0) / 5).toBeGreaterThan(0.88)
  })
})

/** Ten questions of each language, with the one text that answers each and shares few words with it. */
const questions = Object.entries(
  JSON.parse(readFileSync(join(ROOT, 'test/fixtures/multilingual-questions.json'), 'utf8')) as Record<
    string,
    [question: string, answer: string][]
  >,
).map(([language, pairs]) => ({ language, pairs }))

/** nDCG@10 by language; every answer of every language is a candidate. */
async function quality(embedder: EdgeEmbedder): Promise<{ language: string; ndcg: number }[]> {
  const answers = await embedder.embed(
    questions.flatMap(({ pairs }) => pairs.map(([, answer]) => answer)),
    { kind: 'passage' },
  )
  const found: { language: string; ndcg: number }[] = []
  let at = 0
  for (const { language, pairs } of questions) {
    const vectors = await embedder.embed(
      pairs.map(([question]) => question),
      { kind: 'query' },
    )
    let gain = 0
    for (const vector of vectors) {
      const scores = answers.map((answer) => dot(vector, answer))
      const rank = scores.filter((score) => score > scores[at]!).length
      gain += rank < 10 ? 1 / Math.log2(rank + 2) : 0
      at++
    }
    found.push({ language, ndcg: gain / pairs.length })
  }
  return found
}

describe('loading', () => {
  let small: World

  beforeAll(async () => {
    small = world()
    await small.embedder.embed(['Guten Tag'], { kind: 'query' })
  })

  it('reads tokenizer and layers once, and of the words only the files that a text needs', () => {
    const words = small.reads.filter((path) => EDGE_MULTILINGUAL_WORDS.includes(path))
    expect(small.reads.filter((path) => !words.includes(path)).toSorted()).toEqual(
      [EDGE_MULTILINGUAL_TOKENIZER, ...EDGE_MULTILINGUAL_LAYERS].toSorted(),
    )
    expect(words.length).toBeGreaterThan(0)
    expect(words.length).toBeLessThanOrEqual(5)
    expect(new Set(words).size).toBe(words.length)
  })

  it('counts what it holds: the model, and each file of words', async () => {
    const model = await small.loader.get()
    const words = small.reads.filter((path) => EDGE_MULTILINGUAL_WORDS.includes(path)).length
    expect(small.memory.heldBytes).toBe(model.bytes + words * 10_001 * 216)
    expect(model.bytes).toBeLessThan(36_000_000)
  })

  it('stays within the isolate’s budget beside edge-en, whatever it reads', async () => {
    const { memory, embedder, loader } = world()
    const english = new EdgeModelLoader({ readAsset, ...modules, memory }, EDGE_EN_RECIPE)
    await new EdgeEmbedder(EDGE_EN, english).embed(['a boat'], { kind: 'query' })
    const texts = gunzipSync(readFileSync(join(FIXTURES, 'parity.jsonl.gz')))
      .toString('utf8')
      .trim()
      .split('\n')
    const first = await embedder.embed(['Guten Tag'], { kind: 'query' })
    await embedder.embed(texts.slice(0, 40), { kind: 'passage' })
    expect(memory.peakBytes).toBeLessThanOrEqual(BUDGET_BYTES)
    expect(memory.get('model/edge-en')).toBeDefined()
    expect(memory.get(EDGE_MULTILINGUAL_RESIDENT_KEY)).toBe(await loader.get())
    expect(await embedder.embed(['Guten Tag'], { kind: 'query' })).toEqual(first)
  })

  it('works with files of words that are evicted while a text is being prepared', async () => {
    const tight = world(40_000_000)
    const [vector] = await tight.embedder.embed(['Guten Tag'], { kind: 'query' })
    expect([vector]).toEqual(await small.embedder.embed(['Guten Tag'], { kind: 'query' }))
    const [mixed] = await tight.embedder.embed(['a ä あ ა ت ह ግ 中 힣 ł ș ğ ơ қ — „Straße“ Öffnungszeiten'], {
      kind: 'query',
    })
    expect(Math.hypot(...mixed!)).toBeCloseTo(1, 4)
    expect(tight.memory.heldBytes).toBeLessThanOrEqual(40_000_000)
  })

  it('fails the text, and not the model, when a file of words cannot be read', async () => {
    let isBroken = true
    const memory = new ResidentMemory(BUDGET_BYTES)
    const flaky = async (path: string): Promise<ArrayBuffer> => {
      if (isBroken && EDGE_MULTILINGUAL_WORDS.includes(path)) throw new Error('assets are away')
      return readAsset(path)
    }
    const loader = new EdgeModelLoader({ readAsset: flaky, ...modules, memory }, EDGE_MULTILINGUAL_RECIPE)
    const embedder = new EdgeEmbedder(EDGE_MULTILINGUAL, loader)
    await expect(embedder.embed(['Guten Tag'], { kind: 'query' })).rejects.toThrow('away')
    isBroken = false
    expect(await embedder.embed(['Guten Tag'], { kind: 'query' })).toHaveLength(1)
  })
})

const shared = world()
embedderContract('edge-multilingual', ['query', 'passage'], () => Promise.resolve(shared.embedder))
