/**
 * `npm run build`: kernels (AssemblyScript → `.wasm`), the page's script, and the bundles of the Worker and of the egress
 * Worker in `dist/`. They are what `npm start` runs; `npm run deploy` uploads the first. Nothing is done while a hash over
 * all inputs is unchanged.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildOptions, Plugin } from 'esbuild'
import { checkModelAssets } from '../src/cli/model-assets.ts'

const INPUTS = [
  'src/**/*',
  'scripts/build*.ts',
  'assets/models/*/manifest.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
]
const OUTPUTS = ['dist/worker.js', 'dist/egress/worker.js']
const EGRESS_ENTRY = 'src/egress/worker.ts'
/** Steps that other scripts own; each is skipped while its file does not exist. */
const STEPS = ['scripts/build-kernels.ts', 'scripts/build-console.ts']

function hashInputs(root: string): string {
  const hash = createHash('sha256').update(process.version)
  const files = globSync(INPUTS, { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\.(wasm|stamp)$/.test(file))
    .sort()
  for (const file of files)
    hash
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return hash.digest('hex')
}

async function bundle(root: string, entry: string, outfile: string): Promise<void> {
  const esbuild = await import('esbuild')
  await esbuild.build({
    ...bundleOptions(root, entry),
    outfile,
    // The runtime compiles the module; the bundle names the file beside it.
    loader: { '.wasm': 'copy' },
    assetNames: '[name]-[hash]',
  })
}

/**
 * Modules of Hugging Face's packages do nothing when they are loaded, but their manifests do not say so: without a word to
 * esbuild, model cards and code snippets come along, 100 KB compressed.
 */
const withoutUnusedCode: Plugin = {
  name: 'without-unused-code',
  setup(builder) {
    builder.onResolve({ filter: /./ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      const isTheirs = path.startsWith('@huggingface/') || importer.includes('/node_modules/@huggingface/')
      if (!isTheirs || pluginData === withoutUnusedCode) return undefined
      const options = { importer, resolveDir, kind, pluginData: withoutUnusedCode }
      return { ...(await builder.resolve(path, options)), sideEffects: false }
    })
  },
}

const bundleOptions = (root: string, entry: string): BuildOptions => ({
  absWorkingDir: root,
  entryPoints: [entry],
  bundle: true,
  format: 'esm',
  target: 'es2024',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  conditions: ['workerd', 'worker', 'import'],
  external: ['cloudflare:*'],
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [withoutUnusedCode],
})

/** A module and all that it needs as one text, bundled as the Worker is. */
export async function bundleText(root: string, entry: string): Promise<string> {
  const esbuild = await import('esbuild')
  const { outputFiles } = await esbuild.build({ ...bundleOptions(root, entry), write: false })
  return outputFiles?.[0]?.text ?? ''
}

/** The egress Worker as one text, for test set-ups that run beside the sources rather than on a build. */
export const egressBundle = (root: string): Promise<string> => bundleText(root, EGRESS_ENTRY)

/** Builds whatever is stale; quick when nothing is. @throws when a step fails */
export async function build(root: string): Promise<void> {
  const stamp = join(root, 'dist', 'inputs.sha256')
  const hash = hashInputs(root)
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (fresh && OUTPUTS.every((file) => existsSync(join(root, file)))) return
  console.log('Building …')
  const fault = checkModelAssets(root).flatMap(({ model, faults }) => faults.map((text) => `${model}: ${text}`))[0]
  if (fault !== undefined) throw new Error(`assets/models is not whole; ${fault}`)
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  mkdirSync(join(root, 'dist'), { recursive: true })
  for (const step of STEPS.filter((file) => existsSync(join(root, file)))) {
    const { status } = spawnSync(process.execPath, [step], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) throw new Error(`${step} failed`)
  }
  await bundle(root, 'src/worker.ts', 'dist/worker.js')
  await bundle(root, EGRESS_ENTRY, 'dist/egress/worker.js')
  writeFileSync(stamp, hash)
}

if (import.meta.main) await build(join(import.meta.dirname, '..'))
