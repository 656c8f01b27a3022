/** `npm run sizes`: sizes that are promises. The bundle must stay deployable, assets under the platform's limit a file. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from './build.ts'

const ROOT = join(import.meta.dirname, '..')
/** Cloudflare's limit of one static asset. */
const MAX_ASSET_BYTES = 25 * 1024 * 1024
/** Half of what the free plan takes, compressed. Parsers are the most of it; they are run only when a file needs them. */
const MAX_BUNDLE_GZIP_BYTES = 1_500_000
/** Script, style and markup of the page at `/` together. */
const MAX_PAGE_BYTES = 100_000
const MAX_KERNELS_BYTES = 100_000
/** Adobe's character maps, all of them; a PDF needs one or two. */
const MAX_CMAPS_BYTES = 2_000_000

await build(ROOT)
const faults: string[] = []

function check(what: string, bytes: number, limit: number): void {
  const line = `${what.padEnd(40)} ${bytes.toLocaleString('en')} of ${limit.toLocaleString('en')} bytes`
  console.log(line)
  if (bytes > limit || bytes === 0) faults.push(line)
}

const total = (paths: readonly string[]): number =>
  paths.reduce((sum, path) => sum + statSync(join(ROOT, path)).size, 0)

check('Worker, gzip', gzipSync(readFileSync(join(ROOT, 'dist/worker.js'))).length, MAX_BUNDLE_GZIP_BYTES)
check('kernels', total(globSync('dist/*.wasm', { cwd: ROOT })), MAX_KERNELS_BYTES)
check('page', total(globSync('assets/console/*', { cwd: ROOT })), MAX_PAGE_BYTES)
check('character maps', total(globSync('assets/cmaps/*.bcmap', { cwd: ROOT })), MAX_CMAPS_BYTES)
for (const path of globSync('assets/models/**/*.*', { cwd: ROOT }))
  check(path, statSync(join(ROOT, path)).size, MAX_ASSET_BYTES)
if (faults.length > 0) {
  console.error(`over the limit, or empty:\n${faults.join('\n')}`)
  process.exitCode = 1
}
