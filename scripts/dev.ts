/**
 * `npm run dev`: wrangler's development server, which reloads on changes. Its secrets are made once in `.dev.vars`, which
 * git ignores. It exposes more than the router (see docs/operations.md), so it is for one's own machine and no data of worth.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newKey } from '../src/tenancy/key-format.ts'
import { build } from './build.ts'
import { keyHash } from './start/secrets.ts'

const ROOT = join(import.meta.dirname, '..')
const variables = join(ROOT, '.dev.vars')

await build(ROOT)
if (!existsSync(variables)) {
  const rootKey = newKey('root').text
  const lines = [
    `# The root key of this development server: ${rootKey}`,
    `NEARFIELD_ROOT_KEY_HASH=${keyHash(rootKey)}`,
    `NEARFIELD_SEALING_KEY=${randomBytes(32).toString('hex')}`,
    'NEARFIELD_ALLOW_PRIVATE_ENDPOINTS=true',
    'NEARFIELD_EMBEDDER_OBJECTS=1',
  ]
  writeFileSync(variables, `${lines.join('\n')}\n`, { mode: 0o600 })
  console.log('Made .dev.vars; its first line is the root key.')
}
const environment = {
  ...process.env,
  WRANGLER_SEND_METRICS: 'false',
  X_LOCAL_EXPLORER: 'false',
  X_LOCAL_OBSERVABILITY: 'false',
}
const migrated = spawnSync('wrangler', ['d1', 'migrations', 'apply', 'DB', '--local'], {
  cwd: ROOT,
  env: { ...environment, CI: 'true' },
  stdio: ['ignore', 'inherit', 'inherit'],
})
if (migrated.status !== 0) process.exit(1)
const configs = ['--config', 'wrangler.toml', '--config', 'wrangler.egress.toml']
const server = spawn('wrangler', ['dev', '--local', ...configs, ...process.argv.slice(2)], {
  cwd: ROOT,
  env: environment,
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal))
server.on('exit', (code) => process.exit(code ?? 1))
