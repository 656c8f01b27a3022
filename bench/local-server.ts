/** A real server on a state folder of its own for the time of a benchmark: what `npm start` runs, thrown away afterwards. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const ROOT = join(import.meta.dirname, '..')
const START_TIMEOUT_MS = 300_000

interface Credentials {
  readonly url: string
  readonly secretKey: string
}

/** Calls the API, bytes as they are and all else as JSON; throws with the answer's text unless it is a success. */
export type Call = (method: string, path: string, body?: unknown) => Promise<{ status: number; json: unknown }>

/** Starts a server, hands a client of its demo tenant to `work`, and stops the server whatever happens. */
export async function withLocalServer<T>(work: (call: Call) => Promise<T>): Promise<T> {
  const state = mkdtempSync(join(tmpdir(), 'nearfield-bench-'))
  const port = await freePort()
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(ROOT, 'scripts/start.ts'), '--port', String(port), '--state', state],
    { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  try {
    return await work(clientOf(await untilReady(child, join(state, 'credentials.json'))))
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    rmSync(state, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function untilReady(child: ChildProcess, path: string): Promise<Credentials> {
  const startedMs = Date.now()
  while (!existsSync(path)) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`)
    if (Date.now() - startedMs > START_TIMEOUT_MS) throw new Error('the server did not get ready')
    await sleep(200)
  }
  return JSON.parse(readFileSync(path, 'utf8')) as Credentials
}

function clientOf({ url, secretKey }: Credentials): Call {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`)
    return { status: response.status, json: text === '' ? undefined : JSON.parse(text) }
  }
}
