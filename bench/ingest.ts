/**
 * How fast do files become chunks? `npm run bench:ingest` measures, as medians of several runs on this machine,
 *
 * - reading and cutting a large file of each format in one process, without storing it; the baseline of the same run is a
 *   plain split of the same text every 150 words,
 * - the same files through the running product into a collection that needs no model, with the memory of the runtime,
 * - texts through the product with the built-in model; the baseline of the same run is the same texts as documents.
 *
 * Flags: --runs 3 · --text 2000000 (bytes of text a file) · --passages 400. Prints Markdown and writes bench/results/ingest.json.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from '../scripts/build.ts'
import type { NearfieldClient } from '../src/client/client.ts'
import { startServer } from '../test/support/local-server.ts'
import type { LocalServer } from '../test/support/local-server.ts'
import { makeTenant } from '../test/support/tenants.ts'
import { largeFiles, passages } from './ingest-files.ts'
import type { BenchFile } from './ingest-files.ts'
import { parseMeasure } from './ingest-parse.ts'
import type { ParseResult } from './ingest-parse.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    text: { type: 'string', default: '2000000' },
    passages: { type: 'string', default: '400' },
  },
})
const RUNS = Number(values.runs)
const SAMPLE_MS = 25

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
const perSecond = (count: number, ms: number): number => Math.round((1_000 * count) / ms)
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

interface ParseRow extends ParseResult {
  readonly chunksPerSecond: number
  /** Time of the product's over the baseline's. */
  readonly timesPlainSplit: number
}

async function measureParsing(files: readonly BenchFile[]): Promise<ParseRow[]> {
  const measure = await parseMeasure()
  const rows: ParseRow[] = []
  for (const file of files) {
    // The first run compiles what the others run.
    await measure(file)
    const results: ParseResult[] = []
    for (let run = 0; run < RUNS; run++) results.push(await measure(file))
    const of = (part: 'parseMs' | 'chunkMs' | 'baselineMs'): number => median(results.map((result) => result[part]))
    const [parseMs, chunkMs, baselineMs] = [of('parseMs'), of('chunkMs'), of('baselineMs')]
    const [first] = results
    if (first === undefined) continue
    rows.push({
      ...first,
      parseMs,
      chunkMs,
      baselineMs,
      chunksPerSecond: perSecond(first.chunks, parseMs + chunkMs),
      timesPlainSplit: (parseMs + chunkMs) / baselineMs,
    })
  }
  return rows
}

/** Memory of the runtime while something runs: what it had before, and the most it had. */
class MemoryWatch {
  readonly #pid: number
  readonly beforeBytes: number
  mostBytes: number
  readonly #timer: NodeJS.Timeout

  constructor(server: LocalServer) {
    this.#pid = server.pid('runtime')
    this.beforeBytes = this.#read()
    this.mostBytes = this.beforeBytes
    this.#timer = setInterval(() => (this.mostBytes = Math.max(this.mostBytes, this.#read())), SAMPLE_MS)
  }

  #read(): number {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8')
    return 1_024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? '0')
  }

  /** By how much it grew. */
  stop(): number {
    clearInterval(this.#timer)
    return this.mostBytes - this.beforeBytes
  }
}

interface ProductRow {
  readonly name: string
  readonly chunks: number
  readonly chunksPerSecond: number
  readonly grownBytes: number
}

const chunksIn = async (client: NearfieldClient, collection: string): Promise<number> =>
  (await client.collection(collection)).statistics.chunks

/** From the upload's first byte to the end of its job. */
async function timeUpload(client: NearfieldClient, collection: string, files: readonly BenchFile[]): Promise<number> {
  const startedAt = performance.now()
  const { id } = await client.uploadFiles(
    collection,
    files.map(({ name, bytes }) => ({ name, content: new Blob([bytes]) })),
  )
  const { status, counts } = await client.waitForJob(id)
  if (status !== 'succeeded' || counts.failed > 0) throw new Error(`${files[0]?.name}: the job ended as ${status}`)
  return performance.now() - startedAt
}

async function measureProduct(server: LocalServer, files: readonly BenchFile[]): Promise<ProductRow[]> {
  const rows: ProductRow[] = []
  for (const file of files) {
    const speeds: number[] = []
    const grown: number[] = []
    let chunks = 0
    for (let run = 0; run < RUNS; run++) {
      const { client } = await makeTenant(server)
      await client.createCollection({ name: 'plain', model: { provider: 'bring-your-own', dimensions: 8 } })
      const watch = new MemoryWatch(server)
      const ms = await timeUpload(client, 'plain', [file])
      grown.push(watch.stop())
      chunks = await chunksIn(client, 'plain')
      speeds.push(perSecond(chunks, ms))
      await client.request('DELETE', '/v1/collections/plain')
    }
    rows.push({ name: file.name, chunks, chunksPerSecond: median(speeds), grownBytes: Math.max(...grown) })
  }
  return rows
}

interface EmbeddingRow {
  readonly chunks: number
  readonly filesPerSecond: number
  readonly documentsPerSecond: number
  readonly grownBytes: number
}

/** The same texts as files and as documents, so that the difference is what files cost. */
async function measureEmbedding(server: LocalServer): Promise<EmbeddingRow> {
  const texts = passages(Number(values.passages))
  const asFiles: number[] = []
  const asDocuments: number[] = []
  const grown: number[] = []
  let chunks = 0
  for (let run = 0; run < RUNS; run++) {
    const { client } = await makeTenant(server)
    await client.createCollection({ name: 'documents', model: 'edge-en' })
    const startedAt = performance.now()
    const documents = texts.map((text, number) => ({ id: `text-${number}.txt`, text }))
    const put = await client.put('documents', documents, { prefer: 'respond-async' })
    if ('job' in put) await client.waitForJob(put.job.id)
    asDocuments.push(performance.now() - startedAt)
    await client.createCollection({ name: 'files', model: 'edge-en' })
    const files = texts.map((text, number) => ({
      name: `text-${number}.txt`,
      bytes: new Uint8Array(new TextEncoder().encode(text)),
    }))
    const watch = new MemoryWatch(server)
    asFiles.push(await timeUpload(client, 'files', files))
    grown.push(watch.stop())
    chunks = await chunksIn(client, 'files')
  }
  return {
    chunks,
    filesPerSecond: (1_000 * chunks) / median(asFiles),
    documentsPerSecond: (1_000 * chunks) / median(asDocuments),
    grownBytes: Math.max(...grown),
  }
}

await build(join(import.meta.dirname, '..'))
const files = largeFiles(Number(values.text))
console.log(
  `${cpus().length} cores, ${cpus()[0]?.model ?? ''}; medians of ${RUNS} runs; ${values.text} bytes of text a file\n`,
)

const parsing = await measureParsing(files)
console.log('| file | MB | chunks | read, ms | cut, ms | chunks/s | × plain split | held, MB |')
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |')
for (const row of parsing) {
  console.log(
    `| ${row.name} | ${megabytes(row.fileBytes)} | ${row.chunks} | ${row.parseMs.toFixed(0)} | ${row.chunkMs.toFixed(0)} | ` +
      `${row.chunksPerSecond} | ${row.timesPlainSplit.toFixed(0)} | ${megabytes(row.heldBytes)} |`,
  )
}

const state = mkdtempSync(join(tmpdir(), 'nearfield-bench-'))
const server = await startServer(state)
try {
  const product = await measureProduct(server, files)
  console.log(
    '\n| file through the product, no model | chunks | chunks/s | memory grew, MB |\n| --- | ---: | ---: | ---: |',
  )
  for (const row of product) {
    console.log(`| ${row.name} | ${row.chunks} | ${row.chunksPerSecond} | ${megabytes(row.grownBytes)} |`)
  }
  const embedding = await measureEmbedding(server)
  const { filesPerSecond, documentsPerSecond } = embedding
  console.log(
    '\n| with edge-en | chunks | chunks/s | of documents | memory grew, MB |\n| --- | ---: | ---: | ---: | ---: |',
  )
  console.log(
    `| files | ${embedding.chunks} | ${filesPerSecond.toFixed(1)} | ${(filesPerSecond / documentsPerSecond).toFixed(2)} | ${megabytes(embedding.grownBytes)} |`,
  )
  console.log(`| documents | ${embedding.chunks} | ${documentsPerSecond.toFixed(1)} | 1 | |`)
  const results = join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  const report = { cores: cpus().length, runs: RUNS, textBytes: Number(values.text), parsing, product, embedding }
  writeFileSync(join(results, 'ingest.json'), `${JSON.stringify(report, undefined, 2)}\n`)
} finally {
  await server.stop()
  rmSync(state, { recursive: true, force: true })
}
