/** `npm run deploy -- --dry-run`: all of a deployment that needs no account. The order of the rest is a unit test. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { expect, it } from 'vitest'
import { ROOT } from '../support/local-server.ts'

it('checks the bundle and the generated configuration, and says what it would do', () => {
  const run = spawnSync('npm', ['run', '--silent', 'deploy', '--', '--dry-run'], { cwd: ROOT, encoding: 'utf8' })
  expect([run.status, run.stderr.includes('Error')]).toEqual([0, false])
  expect(run.stdout).toContain('would apply the migrations to "nearfield"')
  const config = parse(readFileSync(join(ROOT, 'wrangler.deploy.toml'), 'utf8'))
  expect(config).toMatchObject({ no_bundle: true, ai: { binding: 'AI' }, d1_databases: [{ binding: 'DB' }] })
  expect(JSON.stringify(config)).not.toMatch(/nf_rk_|SEALING/)
  // The generated file names one account's database, so it must never be committed.
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
  expect(ignored).toEqual(expect.arrayContaining(['wrangler.deploy.toml', '.cache/']))
})
