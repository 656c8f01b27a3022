/**
 * `npm start`: builds what is stale, starts the Worker on this machine and stays as its supervisor. The steps in order:
 * lock the state folder and end leftovers, make secrets, start, migrate, first run, credentials, summary. Anything that
 * goes wrong is one sentence and exit code 1.
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BoundedLog } from './start/bounded-log.ts'
import { writeAtomically } from './start/files.ts'
import { DEMO_TENANT, documentation, indexDocumentation, makeDemoKeys } from './start/first-run.ts'
import { parseOptions, StartError, USAGE } from './start/options.ts'
import type { StartOptions } from './start/options.ts'
import { takeRunLock } from './start/run-lock.ts'
import type { RunLock } from './start/run-lock.ts'
import { keyHash, readSecrets, writeSecrets } from './start/secrets.ts'
import type { Secrets } from './start/secrets.ts'
import type { Server } from './start/server.ts'
import { migrate, readState, writeState } from './start/state-folder.ts'
import { printSummary, progressLine } from './start/summary.ts'

const ROOT = join(import.meta.dirname, '..')

/** The Worker's bindings that hold secrets, from those of the state folder. */
function workerSecrets(secrets: Secrets): Record<string, string> {
  return {
    NEARFIELD_ROOT_KEY_HASH: keyHash(secrets.rootKey),
    ...(secrets.previousRootKeyHash === undefined
      ? {}
      : { NEARFIELD_ROOT_KEY_HASH_PREVIOUS: secrets.previousRootKeyHash }),
    NEARFIELD_SEALING_KEY: secrets.sealingKey,
    NEARFIELD_ALLOW_PRIVATE_ENDPOINTS: 'true',
    // All objects of one local runtime share one thread: a pool would gain nothing.
    NEARFIELD_EMBEDDER_OBJECTS: '1',
    ...(secrets.demoPublicKey === undefined ? {} : { NEARFIELD_DEMO_PUBLIC_KEY: secrets.demoPublicKey }),
  }
}

/** Brings the folder to where a newcomer can search: schema, demo keys, documentation. Returns the final secrets. */
async function prepare(server: Server, folder: string, secrets: Secrets): Promise<Secrets> {
  let state = await migrate(folder, readState(folder), join(ROOT, 'migrations'), () => server.database())
  writeState(folder, state)
  await server.untilHealthy()
  if (state.firstRunDone) return secrets
  let ready = secrets
  if (ready.demoSecretKey === undefined || ready.demoPublicKey === undefined) {
    ready = await makeDemoKeys(server.url, secrets)
    writeSecrets(folder, ready)
    // The page learns the demo's public key from a binding, which only a fresh start of the runtime can change.
    await server.run(workerSecrets(ready))
    await server.untilHealthy()
  }
  await indexDocumentation(server.url, ready.demoSecretKey ?? '', documentation(ROOT), progressLine)
  state = { ...state, firstRunDone: true }
  writeState(folder, state)
  return ready
}

function publish(folder: string, url: string, secrets: Secrets): string {
  const headerFile = join(folder, 'authorization.txt')
  writeAtomically(headerFile, `Authorization: Bearer ${secrets.demoSecretKey}\n`)
  writeAtomically(join(folder, 'root-authorization.txt'), `Authorization: Bearer ${secrets.rootKey}\n`)
  const credentials = {
    url,
    rootKey: secrets.rootKey,
    tenantId: DEMO_TENANT,
    secretKey: secrets.demoSecretKey,
    publicKey: secrets.demoPublicKey,
  }
  writeAtomically(join(folder, 'credentials.json'), `${JSON.stringify(credentials, undefined, 2)}\n`)
  return headerFile
}

/** Ends the supervisor when npm, which started it, was ended in a way that sends no signal. */
function watchParent(onEnd: () => void): void {
  const parent = process.ppid
  if (process.env['npm_lifecycle_event'] !== 'start') return
  setInterval(() => {
    if (process.ppid !== parent) onEnd()
  }, 250).unref()
}

async function start(options: StartOptions): Promise<void> {
  mkdirSync(options.state, { recursive: true, mode: 0o700 })
  chmodSync(options.state, 0o700)
  const lock = await takeRunLock(options.state)
  try {
    await supervise(options, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function supervise(options: StartOptions, lock: RunLock): Promise<void> {
  const folder = options.state
  readState(folder)
  // Loaded only now, because they are large: what an earlier run left behind is to end as early as possible.
  const { requireFreePort, Server } = await import('./start/server.ts')
  await requireFreePort(options.port)
  // Its presence says that the server is up: a stale one would promise too early. Its keys are in secrets.env.
  rmSync(join(folder, 'credentials.json'), { force: true })
  const { build } = await import('./build.ts')
  await build(ROOT)
  const secrets = readSecrets(folder)
  const log = new BoundedLog(join(folder, 'nearfield.log'))
  const onDeath = (): void => {
    console.error(`The runtime ended unexpectedly, so Nearfield stops. The log's last lines:\n${log.tail}`)
    process.exit(1)
  }
  const server = new Server({ root: ROOT, options, lock, log, onDeath })
  let stopping: Promise<void> | undefined
  const stop = (): void => {
    stopping ??= server.stop().then(() => {
      lock.release()
      console.log('Stopped.')
      process.exit(0)
    })
  }
  const started = server.run(workerSecrets(secrets))
  // Miniflare's own handlers would exit before our stop is done; its `exit` handler stays.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeAllListeners(signal).on(signal, stop)
  watchParent(stop)
  try {
    await started
    server.watch()
    const ready = await prepare(server, folder, secrets)
    printSummary(server.url, folder, publish(folder, server.url, ready))
  } catch (error) {
    if (stopping !== undefined) return
    await server.stop()
    throw error
  }
}

try {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.includes('-h')) console.log(USAGE)
  else await start(parseOptions(args))
} catch (error) {
  console.error(error instanceof StartError ? error.message : error)
  process.exit(error instanceof StartError ? error.exitCode : 1)
}
