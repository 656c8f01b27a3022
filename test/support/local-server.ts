/**
 * Runs the product's real commands for end-to-end tests: `npm start` on a state folder of the test's own, as a process
 * group that is always ended. Tests talk to it over HTTP only.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { look } from '../../scripts/start/processes.ts'
import { NearfieldClient } from '../../src/client/client.ts'

export const ROOT = join(import.meta.dirname, '../..')
const PATIENCE_MS = 150_000

export interface Credentials {
  readonly url: string
  readonly rootKey: string
  readonly tenantId: string
  readonly secretKey: string
  readonly publicKey: string
}

interface RunFile {
  readonly processes: readonly { readonly role: 'supervisor' | 'runtime'; readonly pid: number }[]
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Names the folder of one whole run, which its set-up makes and removes. */
export const RUN_FOLDER = 'NEARFIELD_TEST_FOLDER'

export const newFolder = (): string => mkdtempSync(join(process.env[RUN_FOLDER] ?? tmpdir(), 'nearfield-test-'))

/** A copy of a stopped server's state folder, which is how a backup is restored. */
export function copyState(prepared: string): string {
  const folder = newFolder()
  cpSync(prepared, folder, { recursive: true })
  return folder
}

/** A process that has ended but was not waited for (a zombie) is not alive. */
export const isAlive = (pid: number): boolean => look(pid) !== undefined

export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await holds()); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
  }
}

/** One `npm start`, from its first line to its exit. */
export class LocalServer {
  readonly state: string
  readonly port: number
  readonly #npm: ChildProcess
  #output = ''
  /** Exit code of npm; `null` after a signal, `undefined` while it runs. */
  exitCode: number | null | undefined

  constructor(state: string, port: number) {
    this.state = state
    this.port = port
    this.#npm = spawn('npm', ['start', '--', '--port', String(port), '--state', state], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    for (const stream of [this.#npm.stdout, this.#npm.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')))
    }
    this.#npm.on('exit', (code) => (this.exitCode = code))
  }

  get output(): string {
    return this.#output
  }

  get credentials(): Credentials {
    return JSON.parse(readFileSync(join(this.state, 'credentials.json'), 'utf8'))
  }

  get npmPid(): number {
    return this.#npm.pid ?? 0
  }

  pid(role: 'supervisor' | 'runtime'): number {
    const run: RunFile = JSON.parse(readFileSync(join(this.state, 'run.json'), 'utf8'))
    return run.processes.find((entry) => entry.role === role)?.pid ?? 0
  }

  /** Waits until credentials stand there, which promises that everything is ready. */
  async untilReady(): Promise<this> {
    await until(`npm start is ready: ${this.#output}`, () => {
      if (this.exitCode !== undefined) throw new Error(`npm start ended: ${this.#output}`)
      return this.#output.includes('Nearfield is running') && existsSync(join(this.state, 'credentials.json'))
    })
    return this
  }

  async untilExit(): Promise<number | null> {
    await until('npm start has ended', () => this.exitCode !== undefined)
    return this.exitCode ?? null
  }

  /** Stops as a person would, and makes sure that nothing of it lives on. */
  async stop(): Promise<void> {
    if (this.exitCode === undefined) {
      process.kill(this.npmPid, 'SIGTERM')
      await until('npm start has stopped', () => this.exitCode !== undefined, 20_000).catch(() => {})
    }
    this.killGroup()
  }

  /** Ends every process of this start at once, without a chance to tidy up. */
  killGroup(): void {
    try {
      process.kill(-this.npmPid, 'SIGKILL')
    } catch {
      // The group is gone already, which is what is wanted.
    }
  }

  client(key: string = this.credentials.secretKey): NearfieldClient {
    return new NearfieldClient({ url: this.credentials.url, key })
  }
}

export async function startServer(state: string, port?: number): Promise<LocalServer> {
  return new LocalServer(state, port ?? (await freePort())).untilReady()
}
