/**
 * `npm run build`: kernels (AssemblyScript → `.wasm`), the page's script, and the Worker's bundle in `dist/`. The bundle
 * is what `npm start` runs and what `npm run deploy` uploads. Nothing is done while a hash over all inputs is unchanged.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const INPUTS = ['src/**/*', 'scripts/build*.ts', 'package-lock.json', 'package.json', 'tsconfig.json']
const OUTPUTS = ['dist/worker.js']
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

async function bundle(root: string): Promise<void> {
  const esbuild = await import('esbuild')
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['src/worker.ts'],
    outfile: 'dist/worker.js',
    bundle: true,
    format: 'esm',
    target: 'es2024',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['workerd', 'worker', 'import'],
    external: ['cloudflare:*'],
    // The runtime compiles the module; the bundle names the file beside it.
    loader: { '.wasm': 'copy' },
    assetNames: '[name]-[hash]',
    legalComments: 'none',
    logLevel: 'warning',
  })
}

/** Builds whatever is stale; quick when nothing is. @throws when a step fails */
export async function build(root: string): Promise<void> {
  const stamp = join(root, 'dist', 'inputs.sha256')
  const hash = hashInputs(root)
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (fresh && OUTPUTS.every((file) => existsSync(join(root, file)))) return
  console.log('Building …')
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  mkdirSync(join(root, 'dist'), { recursive: true })
  for (const step of STEPS.filter((file) => existsSync(join(root, file)))) {
    const { status } = spawnSync(process.execPath, [step], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) throw new Error(`${step} failed`)
  }
  await bundle(root)
  writeFileSync(stamp, hash)
}

if (import.meta.main) await build(join(import.meta.dirname, '..'))
