/**
 * `npm test`: builds what is stale, then runs every test project and ends with the line `N passed, N failed` over all of
 * them. End-to-end tests run after the others, because they measure nothing but need the machine for themselves.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.ts'

const ROOT = join(import.meta.dirname, '..')
const RUNS = [['unit', 'worker'], ['e2e']]

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[]
}

/** Runs some projects and counts their tests; a file that could not even be loaded counts as one failure. */
function run(projects: readonly string[]): { passed: number; failed: number } {
  const output = join(ROOT, '.cache', `tests-${projects.join('-')}.json`)
  rmSync(output, { force: true })
  const flags = projects.flatMap((project) => ['--project', project])
  const { status } = spawnSync(
    process.execPath,
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...flags,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${output}`,
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if (!existsSync(output)) return { passed: 0, failed: 1 }
  const report: Report = JSON.parse(readFileSync(output, 'utf8'))
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
  const failed = report.numFailedTests + broken.length
  // An unhandled error outside of any test fails the run as well.
  return { passed: report.numPassedTests, failed: failed === 0 && status !== 0 ? 1 : failed }
}

await build(ROOT)
mkdirSync(join(ROOT, '.cache'), { recursive: true })
const results = RUNS.map((projects) => run(projects))
const passed = results.reduce((sum, result) => sum + result.passed, 0)
const failed = results.reduce((sum, result) => sum + result.failed, 0)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
