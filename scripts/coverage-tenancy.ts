/**
 * `npm run coverage:tenancy`: branch coverage of the code that authenticates, limits and counts, by the unit tests alone.
 * Fails below 100 % and names the lines. The Durable Object that composes the parts is tested in workerd, not here.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

const ROOT = join(import.meta.dirname, '..')
/** Thin shells over Durable Object storage and bindings, which plain Node does not have. */
const EXCLUDED = ['src/tenancy/tenant-object.ts', 'src/tenancy/tenant-objects.ts']

interface Place {
  readonly start: { readonly line?: number }
}

interface Branch {
  readonly loc: Place
  /** Without a line where the branch is an `else` that nobody wrote. */
  readonly locations: readonly Place[]
}

interface FileCoverage {
  readonly branchMap: Readonly<Record<string, Branch>>
  readonly b: Readonly<Record<string, readonly number[]>>
}

const folder = mkdtempSync(join(tmpdir(), 'nearfield-coverage-'))
try {
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--project=unit',
      'test/unit/tenancy',
      'test/unit/http',
      '--coverage.enabled',
      '--coverage.provider=v8',
      '--coverage.reporter=json',
      '--coverage.include=src/tenancy/**/*.ts',
      ...EXCLUDED.map((file) => `--coverage.exclude=${file}`),
      `--coverage.reportsDirectory=${folder}`,
      '--reporter=dot',
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const report: Record<string, FileCoverage> = JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8'))
  let [all, taken] = [0, 0]
  for (const [file, { branchMap, b }] of Object.entries(report)) {
    const missed: number[] = []
    for (const [id, counts] of Object.entries(b)) {
      for (const [i, count] of counts.entries()) {
        all++
        if (count > 0) taken++
        else missed.push(branchMap[id]?.locations[i]?.start.line ?? branchMap[id]?.loc.start.line ?? 0)
      }
    }
    const lines = [...new Set(missed)].sort((x, y) => x - y)
    if (lines.length > 0) console.log(`${relative(ROOT, file)}: branches not taken in lines ${lines.join(', ')}`)
  }
  const share = all === 0 ? 0 : (100 * taken) / all
  console.log(`${taken} of ${all} branches, ${share.toFixed(2)} %`)
  process.exitCode = status === 0 && taken === all && all > 0 ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
