/**
 * Compiles the AssemblyScript kernels, `npm run build:kernels`: one source, two builds, relaxed SIMD and plain SIMD. Does
 * nothing when the sources, this script and the compiler are those of the last build.
 */
import { createHash } from 'node:crypto'
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { main, version } from 'assemblyscript/asc'

const ROOT = dirname(import.meta.dirname)
const ENTRY = 'src/kernels/assembly/index.ts'
const BUILDS = [
  { file: 'src/kernels/edge-relaxed.wasm', features: ['simd', 'relaxed-simd'] },
  { file: 'src/kernels/edge-plain.wasm', features: ['simd'] },
]
/**
 * A page of 64 kB from the start, more than any constant offset in the kernels: engines that check bounds themselves, such
 * as workerd's, then need one comparison for a load rather than two.
 */
const INITIAL_PAGES = '1'
/** Not -O3: it moves sums out of the order of their loads, and the engine's compiler then runs out of registers. */
const OPTIMISATION = '-O2'
const STAMP = join(ROOT, 'node_modules/.cache/nearfield/kernels.sha256')

/** Hash over everything that decides the result. */
function inputHash(): string {
  const hash = createHash('sha256').update(version)
  const files = globSync('src/kernels/assembly/**/*.ts', { cwd: ROOT }).sort()
  for (const file of [...files, 'scripts/build-kernels.ts']) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0')
  }
  return hash.digest('hex')
}

/** Compiles both builds when they are stale. @throws when the compiler refuses the source */
export async function buildKernels(): Promise<void> {
  const hash = inputHash()
  const isFresh = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash
  if (isFresh && BUILDS.every(({ file }) => existsSync(join(ROOT, file)))) return
  for (const { file, features } of BUILDS) {
    const enabled = features.flatMap((feature) => ['--enable', feature])
    const options = [
      '--initialMemory',
      INITIAL_PAGES,
      '--runtime',
      'stub',
      OPTIMISATION,
      '--noAssert',
      '--use',
      'abort=',
      '--baseDir',
      ROOT,
    ]
    const messages: string[] = []
    const stderr = { write: (chunk: string | Uint8Array) => messages.push(String(chunk)) }
    const { error } = await main([ENTRY, '--outFile', file, ...options, ...enabled], { stderr })
    if (error !== null) throw new Error(`${file}: ${messages.join('')}`, { cause: error })
  }
  mkdirSync(dirname(STAMP), { recursive: true })
  writeFileSync(STAMP, hash)
}

if (import.meta.main) await buildKernels()
