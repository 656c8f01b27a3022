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
  for (const line of [
    'would find or create the R2 bucket "nearfield-originals"',
    'would find or create the R2 bucket "nearfield-inbox"',
    'would find or create the queue "nearfield-files"',
    'would find or create the queue "nearfield-files-dead"',
    'would let the bucket "nearfield-inbox" tell the queue "nearfield-files" of its changes',
  ]) {
    expect(run.stdout).toContain(line)
  }
  expect(run.stdout).toMatch(/^built: dist\/ holds \d+ files, [\d.]+ MB/m)
  expect(run.stdout).toContain('wrote wrangler.dry-run.toml')
  const config = parse(readFileSync(join(ROOT, 'wrangler.dry-run.toml'), 'utf8'))
  expect(config).toMatchObject({ no_bundle: true, ai: { binding: 'AI' }, d1_databases: [{ binding: 'DB' }] })
  expect(config).toMatchObject({
    r2_buckets: [{ binding: 'ORIGINALS' }, { binding: 'INBOX' }],
    queues: { producers: [{ binding: 'FILE_QUEUE' }], consumers: [{ queue: 'nearfield-files' }, {}] },
  })
  expect(JSON.stringify(config)).not.toMatch(/nf_rk_|SEALING/)
  // The generated file names one account's database, so it must never be committed.
  const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
  expect(ignored).toEqual(expect.arrayContaining(['wrangler.deploy.toml', 'wrangler.dry-run.toml', '.cache/']))
})

it('says how it is used, and what is wrong with a flag, without doing anything', () => {
  const run = (...args: string[]) =>
    spawnSync('npm', ['run', '--silent', 'deploy', '--', ...args], { cwd: ROOT, encoding: 'utf8' })
  expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--dry-run') })
  const wrong = run('--colour')
  expect([wrong.status, wrong.stderr.includes(' at ')]).toEqual([2, false])
})
