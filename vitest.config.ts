/**
 * Three projects: `unit` (plain Node, no bindings), `worker` (inside workerd with local bindings), `e2e` (the real
 * commands as child processes, one file at a time). All of them run with no account and no network.
 */
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { egressBundle } from './scripts/build.ts'
import { egressOptions } from './scripts/start/bindings.ts'
import { keyHash, newKey } from './src/tenancy/key-format.ts'
import { playedWeb } from './test/support/played-web.ts'

/** The egress Worker from its sources. Its public network takes every delivery, and has the sites that tests set. */
async function egressWorker() {
  const { rootPath: _, scriptPath: _path, ...options } = egressOptions(import.meta.dirname)
  return { ...options, script: await egressBundle(import.meta.dirname), outboundService: playedWeb() }
}

/** Throw-away secrets of one test run, and the root key itself for tests that play the operator. */
async function testBindings(): Promise<Record<string, string>> {
  const rootKey = newKey('root')
  return {
    NEARFIELD_ROOT_KEY_HASH: await keyHash(rootKey),
    NEARFIELD_SEALING_KEY: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    NEARFIELD_ALLOW_PRIVATE_ENDPOINTS: 'true',
    NEARFIELD_EMBEDDER_OBJECTS: '1',
    TEST_ROOT_KEY: rootKey.text,
  }
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/architecture.test.ts'],
          environment: 'node',
          testTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            remoteBindings: false,
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: { ...(await testBindings()), TEST_MIGRATIONS: await readD1Migrations('./migrations') },
              workers: [await egressWorker()],
            },
          })),
        ],
        test: {
          name: 'worker',
          include: ['test/worker/**/*.test.ts'],
          setupFiles: ['./test/worker/setup/apply-migrations.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['./test/e2e/setup/prepare-state.ts'],
          environment: 'node',
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
