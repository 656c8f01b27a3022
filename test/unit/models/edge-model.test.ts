/** `edge-en` as shipped: the asset is what its name says, and its vectors are near those of the float32 model. */
import { createHash } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ResidentMemory } from '../../../src/core/resident-memory.ts'
import { EDGE_EN_ASSET } from '../../../src/models/edge/edge-en-asset.ts'
import {
  createEdgeModel,
  EDGE_EN_RECIPE,
  EDGE_EN_RESIDENT_KEY,
  type EdgeModel,
  EdgeModelLoader,
} from '../../../src/models/edge/edge-model.ts'
import { readModelFile } from '../../../src/models/edge/model-file.ts'
import { edgeKernelModule, readAsset, readEdgeModelFile } from '../../support/edge-model.ts'

const ROOT = join(import.meta.dirname, '../../..')
const FIXTURES = join(ROOT, 'test/fixtures/edge-en')

/** The platform's limit for one static asset. */
const MAX_ASSET_BYTES = 25 * 1024 * 1024

describe('the asset', () => {
  const content = readFileSync(join(ROOT, 'assets', EDGE_EN_ASSET))
  const sha256 = createHash('sha256').update(content).digest('hex')

  it('is named by its content and fits the platform', () => {
    expect(basename(EDGE_EN_ASSET)).toBe(`${sha256.slice(0, 32)}.bin`)
    expect(content.byteLength).toBeLessThanOrEqual(MAX_ASSET_BYTES)
  })

  it('is the only one, and its manifest says where it is from', () => {
    expect(globSync('assets/models/edge-en/*.bin', { cwd: ROOT })).toHaveLength(1)
    const manifest = JSON.parse(readFileSync(join(ROOT, 'assets/models/edge-en/manifest.json'), 'utf8')) as object
    expect(manifest).toMatchObject({ file: basename(EDGE_EN_ASSET), sha256, bytes: content.byteLength })
    expect(manifest).toMatchObject({
      source: { license: 'Apache-2.0', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
  })

  it('is refused when it is cut, foreign or of another version', async () => {
    const file = await readEdgeModelFile()
    const changed = (offset: number, value: number): ArrayBuffer => {
      const copy = file.slice(0)
      new Uint8Array(copy)[offset] = value
      return copy
    }
    expect(() => readModelFile(file.slice(0, 40))).toThrow('has a header')
    expect(() => readModelFile(file.slice(0, 20_000_000))).toThrow('lies in the file')
    expect(() => readModelFile(changed(0, 0))).toThrow('magic')
    expect(() => readModelFile(changed(8, 2))).toThrow('version')
    expect(() => createEdgeModel(changed(16, 1), edgeKernelModule('relaxed'))).toThrow('shape of the kernel')
    expect(() => readModelFile(file).section('poetry')).toThrow('section poetry')
  })
})

describe.each([
  ['relaxed', 1],
  ['plain', 10],
] as const)('vectors of the %s build', (build, every) => {
  it(`have a cosine of .99 and more to the float32 model on ${500 / every} texts`, async () => {
    const texts = gunzipSync(readFileSync(join(FIXTURES, 'parity.jsonl.gz')))
      .toString('utf8')
      .trim()
      .split('\n')
    const bytes = readFileSync(join(FIXTURES, 'parity.f16'))
    const halves = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    expect(texts).toHaveLength(500)
    expect(bytes.byteLength).toBe(500 * 384 * 2)
    const model = createEdgeModel(await readEdgeModelFile(), edgeKernelModule(build))
    const rows = texts.map((_, row) => row).filter((row) => row % every === 0)
    const vectors = await model.embed(rows.map((row) => JSON.parse(texts[row]!) as string))
    const cosines = rows.map((row, at) =>
      vectors[at]!.reduce((sum, value, i) => sum + value * halfAt(halves, (row * 384 + i) * 2), 0),
    )
    expect(Math.min(...cosines)).toBeGreaterThanOrEqual(0.99)
    expect(cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length).toBeGreaterThan(0.9955)
  })
})

/** IEEE 754 binary16; the fixture holds no infinities. */
function halfAt(view: DataView, offset: number): number {
  const bits = view.getUint16(offset, true)
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
  return bits >> 15 === 1 ? -size : size
}

describe('EdgeModelLoader', () => {
  const modules = { relaxedModule: edgeKernelModule('relaxed'), plainModule: edgeKernelModule('plain') }

  it('reads the asset once for many requests and counts what it holds', async () => {
    const memory = new ResidentMemory(96_000_000)
    let reads = 0
    const counting = (path: string): Promise<ArrayBuffer> => {
      reads++
      return readAsset(path)
    }
    const loader = new EdgeModelLoader({ readAsset: counting, ...modules, memory }, EDGE_EN_RECIPE)
    const models = await Promise.all(Array.from({ length: 5 }, () => loader.get()))
    expect(new Set(models).size).toBe(1)
    expect(await loader.get()).toBe(models[0])
    expect(reads).toBe(1)
    expect(memory.heldBytes).toBe(models[0]!.bytes)
    expect(memory.heldBytes).toBeGreaterThan(23_000_000)
    expect(memory.heldBytes).toBeLessThan(28_000_000)
  })

  it('makes room for the file and the kernel side by side before it loads', async () => {
    const memory = new ResidentMemory(96_000_000)
    memory.set('shard/old', 'pages', 60_000_000)
    memory.set('shard/new', 'pages', 30_000_000)
    const held: boolean[] = []
    const watching = (path: string): Promise<ArrayBuffer> => {
      held.push(...['shard/old', 'shard/new'].map((key) => memory.get(key) !== undefined))
      return readAsset(path)
    }
    const model = await new EdgeModelLoader({ readAsset: watching, ...modules, memory }, EDGE_EN_RECIPE).get()
    const { byteLength } = await readEdgeModelFile()
    expect(held).toEqual([false, true])
    expect(memory.heldBytes).toBe(30_000_000 + model.bytes)
    expect(memory.peakBytes).toBeLessThanOrEqual(96_000_000)
    expect(memory.peakBytes - 30_000_000).toBeGreaterThan(byteLength + model.bytes)
  })

  it('loads again after an eviction, with the same vectors', async () => {
    const memory = new ResidentMemory(96_000_000)
    const loader = new EdgeModelLoader({ readAsset, ...modules, memory }, EDGE_EN_RECIPE)
    const first = await loader.get()
    memory.delete(EDGE_EN_RESIDENT_KEY)
    const second = await loader.get()
    expect(second).not.toBe(first)
    expect(await second.embed(['a lighthouse'])).toEqual(await first.embed(['a lighthouse']))
  })

  it('fails everyone who waits for a failed read, and tries again afterwards', async () => {
    let isBroken = true
    const flaky = async (path: string): Promise<ArrayBuffer> => {
      if (isBroken) throw new Error('assets are away')
      return readAsset(path)
    }
    const loader = new EdgeModelLoader(
      { readAsset: flaky, ...modules, memory: new ResidentMemory(96_000_000) },
      EDGE_EN_RECIPE,
    )
    const waiting = await Promise.allSettled([loader.get(), loader.get()])
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    isBroken = false
    expect((await loader.get()).bytes).toBeGreaterThan(0)
  })

  it('does not wait for ever on a load that another request began and lost', async () => {
    let reads = 0
    const hanging = (path: string): Promise<ArrayBuffer> => {
      reads++
      return reads === 1 ? new Promise<ArrayBuffer>(() => {}) : readAsset(path)
    }
    const loader = new EdgeModelLoader(
      { readAsset: hanging, ...modules, memory: new ResidentMemory(96_000_000), loadPatienceMs: 5 },
      EDGE_EN_RECIPE,
    )
    void loader.get()
    const models: EdgeModel[] = await Promise.all([loader.get(), loader.get(), loader.get()])
    expect(new Set(models).size).toBe(1)
    expect(reads).toBe(2)
  })

  it('takes room from nobody for ever where the request that loads it is lost', async () => {
    const memory = new ResidentMemory(96_000_000)
    const loader = new EdgeModelLoader({ readAsset: () => new Promise(() => {}), ...modules, memory }, EDGE_EN_RECIPE)
    void loader.get()
    expect(memory.heldBytes).toBe(EDGE_EN_RECIPE.loadingBytes)
    memory.set('one index', 1, 40_000_000)
    memory.set('another index', 2, 40_000_000)
    expect(memory.get('one index')).toBe(1)
  })
})
