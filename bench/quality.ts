/**
 * How good are the rankings? Indexes BEIR folders over HTTP through the real server and reports nDCG@10 and recall@100 of
 * the keyword leg, the vector leg and both together. A document's rank is that of its best chunk (`groupBy: document`).
 *
 *   npm run bench:quality -- --data path/to/beir/cranfield path/to/beir/dbpedia [--chunking none] [--alpha 0.6] [--fusion rrf]
 *                            [--model edge-multilingual | ppmi-svd | path/to/word2vec.bin]
 *
 * `ppmi-svd` is trained on each collection's own text, a file of word vectors is imported. Prints a Markdown table and writes
 * bench/results/quality.json (quality-none.json with --chunking none, quality-<model>.json with --model).
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readBeir, type BeirCollection, type BeirDocument } from './beir.ts'
import { withLocalServer, type Call } from './local-server.ts'
import { mean, ndcgAtK, recallAtK } from './ranking-metrics.ts'

const MODES = ['keyword', 'vector', 'hybrid'] as const
const DOCUMENTS_PER_REQUEST = 64
const NDCG_AT = 10
const DEFAULT_MODEL = 'edge-en'
const RECALL_AT = 100
/** Of a file of word vectors. */
const MAX_SENT_BYTES = 100_000_000

type Mode = (typeof MODES)[number]

interface Options {
  readonly folders: readonly string[]
  readonly chunking: 'recursive' | 'none'
  readonly fusion: { readonly method: string; readonly alpha?: number } | undefined
  /** A model's name, `ppmi-svd`, or a path to a file of word vectors. */
  readonly model: string
}

interface Scores {
  readonly ndcgAt10: number
  readonly recallAt100: number
}

interface CollectionReport {
  readonly name: string
  readonly sha256: string
  readonly documents: number
  readonly chunks: number
  readonly queries: number
  readonly indexSeconds: number
  readonly scores: Readonly<Record<Mode, Scores>>
}

function optionsOf(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: 'string', multiple: true },
      chunking: { type: 'string', default: 'recursive' },
      alpha: { type: 'string' },
      fusion: { type: 'string' },
      model: { type: 'string', default: DEFAULT_MODEL },
    },
  })
  // `--data A B C` leaves B and C as positionals.
  const folders = [...(values.data ?? []), ...positionals]
  if (folders.length === 0) throw new Error('usage: npm run bench:quality -- --data path/to/beir [path/to/another …]')
  if (values.chunking !== 'recursive' && values.chunking !== 'none') throw new Error('--chunking is recursive or none')
  const isDefault = values.alpha === undefined && values.fusion === undefined
  return {
    folders,
    chunking: values.chunking,
    model: values.model,
    fusion: isDefault
      ? undefined
      : {
          method: values.fusion ?? 'convex',
          ...(values.alpha === undefined ? {} : { alpha: Number(values.alpha) }),
        },
  }
}

/** Makes the model that was asked for, where it is one to be made; gives its name. */
async function modelFor(call: Call, name: string, data: BeirCollection, asked: string): Promise<string> {
  if (asked === 'ppmi-svd') {
    // Its text alone is needed, which a collection of callers' own vectors takes as it is.
    const text = `${name}-text`
    await index(call, text, data.documents, 'none', { provider: 'bring-your-own', dimensions: 2 })
    await call('POST', '/v1/models/train', { id: name, collection: text, method: 'ppmi-svd' })
    return name
  }
  if (!existsSync(asked)) return asked
  const bytes = readFileSync(asked)
  const query = `id=${name}&cut=${bytes.length > MAX_SENT_BYTES}`
  await call('POST', `/v1/models/import?${query}`, bytes.subarray(0, MAX_SENT_BYTES))
  return name
}

async function index(
  call: Call,
  name: string,
  documents: readonly BeirDocument[],
  chunking: string,
  model: unknown,
): Promise<number> {
  await call('POST', '/v1/collections', { name, model, chunking: { strategy: chunking } })
  const path = `/v1/collections/${name}/documents`
  for (let from = 0; from < documents.length; from += DOCUMENTS_PER_REQUEST) {
    const part = documents.slice(from, from + DOCUMENTS_PER_REQUEST).flatMap(({ id, title, text }) => {
      const body = text.trim() === '' ? title : text
      // A document of nothing cannot be found by any engine.
      return body.trim() === '' ? [] : [{ id, text: body, ...(title.trim() === '' ? {} : { title }) }]
    })
    const { status, json } = await call('PUT', path, { documents: part })
    if (status === 202) await untilDone(call, (json as { job: { id: string } }).job.id)
    else checkResults((json as { results: { id: string; status: string }[] }).results)
    process.stderr.write(
      `\r${name}: ${Math.min(from + DOCUMENTS_PER_REQUEST, documents.length)} of ${documents.length}`,
    )
  }
  process.stderr.write('\n')
  const { json } = await call('GET', `/v1/collections/${name}`)
  return (json as { statistics: { chunks: number } }).statistics.chunks
}

function checkResults(results: readonly { readonly id: string; readonly status: string }[]): void {
  const failed = results.find(({ status }) => status === 'failed')
  if (failed !== undefined) throw new Error(`${failed.id} could not be indexed: ${JSON.stringify(failed)}`)
}

async function untilDone(call: Call, job: string): Promise<void> {
  for (;;) {
    const { status, counts } = (await call('GET', `/v1/jobs/${job}`)).json as {
      status: string
      counts: { failed: number }
    }
    if (status === 'succeeded' && counts.failed === 0) return
    if (status !== 'queued' && status !== 'running') throw new Error(`the job ${job} ended as ${status}`)
    await sleep(500)
  }
}

async function evaluate(
  call: Call,
  name: string,
  data: BeirCollection,
  mode: Mode,
  fusion: Options['fusion'],
): Promise<Scores> {
  const ndcg: number[] = []
  const recall: number[] = []
  for (const { text, judgements } of data.queries) {
    const { json } = await call('POST', `/v1/collections/${name}/search`, {
      query: text,
      mode,
      limit: RECALL_AT,
      groupBy: 'document',
      highlight: false,
      fields: [],
      ...(fusion === undefined ? {} : { fusion }),
    })
    const ranking = (json as { hits: { documentId: string }[] }).hits.map(({ documentId }) => documentId)
    ndcg.push(ndcgAtK(ranking, judgements, NDCG_AT))
    recall.push(recallAtK(ranking, judgements, RECALL_AT))
  }
  return { ndcgAt10: mean(ndcg), recallAt100: mean(recall) }
}

async function measure(call: Call, folder: string, { chunking, fusion, model }: Options): Promise<CollectionReport> {
  const data = readBeir(folder)
  const name = `bench-${data.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 60)
  const built = await modelFor(call, name, data, model)
  const startedMs = Date.now()
  const chunks = await index(call, name, data.documents, chunking, built)
  const indexSeconds = Math.round((Date.now() - startedMs) / 1000)
  const scores: Partial<Record<Mode, Scores>> = {}
  for (const mode of MODES) scores[mode] = await evaluate(call, name, data, mode, fusion)
  const { sha256, documents, queries } = data
  return {
    name: data.name,
    sha256,
    documents: documents.length,
    chunks,
    queries: queries.length,
    indexSeconds,
    scores: scores as Record<Mode, Scores>,
  }
}

function tableOf(reports: readonly CollectionReport[]): string {
  const shown = (score: number): string => score.toFixed(3).replace(/^0/, '')
  const row = (name: string, size: string, of: (mode: Mode) => Scores): string =>
    `| ${name} | ${size} | ${MODES.map((mode) => shown(of(mode).ndcgAt10)).join(' | ')} | ${MODES.map((mode) =>
      shown(of(mode).recallAt100),
    ).join(' | ')} |`
  const average = (mode: Mode): Scores => ({
    ndcgAt10: mean(reports.map(({ scores }) => scores[mode].ndcgAt10)),
    recallAt100: mean(reports.map(({ scores }) => scores[mode].recallAt100)),
  })
  return [
    `| collection | documents / chunks / queries | ${MODES.map((mode) => `nDCG@10 ${mode}`).join(' | ')} | ${MODES.map(
      (mode) => `recall@100 ${mode}`,
    ).join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(2 * MODES.length)}`,
    ...reports.map(({ name, documents, chunks, queries, scores }) =>
      row(name, `${documents} / ${chunks} / ${queries}`, (mode) => scores[mode]),
    ),
    row('**mean**', '', average),
  ].join('\n')
}

function gitCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2))
  const reports = await withLocalServer(async (call) => {
    const measured: CollectionReport[] = []
    for (const folder of options.folders) measured.push(await measure(call, folder, options))
    return measured
  })
  console.log(tableOf(reports))
  if (options.fusion !== undefined) return
  const folder = join(import.meta.dirname, 'results')
  mkdirSync(folder, { recursive: true })
  const suffix = [
    ...(options.model === DEFAULT_MODEL ? [] : [basename(options.model).replaceAll(/[^a-z0-9-]+/gi, '-')]),
    ...(options.chunking === 'none' ? ['none'] : []),
  ]
  const file = `${['quality', ...suffix].join('-')}.json`
  const result = {
    question: 'nDCG@10 (linear gain) and recall@100 over HTTP, a document by its best chunk',
    commit: gitCommit(),
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    runtime: `node ${process.version}`,
    parameters: {
      model: basename(options.model),
      chunking: options.chunking,
      fusion: 'convex',
      alpha: 0.6,
      k1: 0.9,
      b: 0.4,
    },
    collections: reports,
  }
  writeFileSync(join(folder, file), `${JSON.stringify(result, undefined, 2)}\n`)
}

await main()
