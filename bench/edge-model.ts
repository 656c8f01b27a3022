/**
 * How fast is `edge-en`? `npm run bench:edge` measures CPU time of one embedding, tokenising included, in Node and in
 * workerd, for both builds of the kernel. CPU time of the whole process is read from outside, so a busy machine blurs the
 * figures but does not multiply them; the plain build of the same run is the baseline.
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { buildKernels } from '../scripts/build-kernels.ts'
import { EDGE_EN_ASSET } from '../src/models/edge/edge-en-asset.ts'
import { createEdgeModel } from '../src/models/edge/edge-model.ts'
import { textOfTokens } from './edge-model-texts.ts'

const ROOT = join(import.meta.dirname, '..')
const BUILDS = ['relaxed', 'plain'] as const
const TOKENS = [10, 64, 128, 256]
/** Tokens of work in one measurement, and how often it is repeated; the fastest counts. */
const TOKENS_PER_ROUND = 2_560
const ROUNDS = 3
/** Length of a clock tick in /proc, the same on every Linux. */
const TICK_MS = 10

type Run = (build: string, tokens: number, count: number) => Promise<void>
type CpuMs = () => number

/** Milliseconds of CPU for one text, the least of several rounds. */
async function measure(run: Run, cpuMs: CpuMs, build: string, tokens: number): Promise<number> {
  const count = Math.ceil(TOKENS_PER_ROUND / tokens)
  await run(build, tokens, count)
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuMs()
    await run(build, tokens, count)
    best = Math.min(best, (cpuMs() - before) / count)
  }
  return best
}

function nodeRunner(file: ArrayBuffer): { run: Run; cpuMs: CpuMs } {
  const Compiled = WebAssembly.Module as unknown as new (bytes: Uint8Array) => WebAssembly.Module
  const models = new Map(
    BUILDS.map((name) => [
      name as string,
      createEdgeModel(file, new Compiled(readFileSync(join(ROOT, `src/kernels/edge-${name}.wasm`)))),
    ]),
  )
  return {
    async run(name, tokens, count) {
      const model = models.get(name)!
      const text = textOfTokens(model.tokenizer, tokens)
      for (let i = 0; i < count; i++) await model.embed([text])
    },
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
  }
}

/** Ids of the processes that this one started. */
const children = (): string[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean)

async function workerdRunner(file: ArrayBuffer): Promise<{ run: Run; cpuMs: CpuMs; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'nearfield-bench-'))
  await build({
    entryPoints: [join(ROOT, 'bench/edge-model-worker.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    loader: { '.wasm': 'copy' },
    assetNames: '[name]',
  })
  const before = new Set(children())
  const miniflare = new Miniflare({
    modules: [
      { type: 'ESModule', path: 'worker.js', contents: await readFile(join(folder, 'worker.js'), 'utf8') },
      ...BUILDS.map((name) => ({
        type: 'CompiledWasm' as const,
        path: `edge-${name}.wasm`,
        contents: readFileSync(join(ROOT, `src/kernels/edge-${name}.wasm`)),
      })),
    ],
    compatibilityDate: '2026-07-01',
  })
  await miniflare.dispatchFetch('http://bench/load', { method: 'POST', body: file })
  const workerd = children().find((pid) => !before.has(pid))
  return {
    async run(name, tokens, count) {
      const response = await miniflare.dispatchFetch(`http://bench/?build=${name}&tokens=${tokens}&count=${count}`)
      if (!response.ok) throw new Error(await response.text())
    },
    cpuMs: () => {
      const fields = readFileSync(`/proc/${workerd}/stat`, 'utf8').split(') ')[1]!.split(' ')
      return (Number(fields[11]) + Number(fields[12])) * TICK_MS
    },
    async close() {
      await miniflare.dispose()
      await rm(folder, { recursive: true })
    },
  }
}

await buildKernels()
const file = new Uint8Array(await readFile(join(ROOT, 'assets', EDGE_EN_ASSET))).buffer
const workerd = await workerdRunner(file)
const node = nodeRunner(file)
console.log(`edge-en, CPU ms a text; ${cpus()[0]?.model}, Node ${process.version}`)
console.log('| tokens | Node | workerd | workerd, plain build | plain / relaxed | texts a second and core |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const tokens of TOKENS) {
  const inNode = await measure(node.run, node.cpuMs, 'relaxed', tokens)
  const relaxed = await measure(workerd.run, workerd.cpuMs, 'relaxed', tokens)
  const plain = await measure(workerd.run, workerd.cpuMs, 'plain', tokens)
  const cells = [inNode, relaxed, plain, plain / relaxed].map((value) => value.toFixed(2))
  console.log(`| ${[tokens, ...cells, Math.round(1_000 / relaxed)].join(' | ')} |`)
}
await workerd.close()
