/**
 * The local server: the built Worker in workerd through miniflare, on 127.0.0.1 only. Requests come through a direct
 * socket of the Worker, so that every path reaches its router and nothing of the development server is in between.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Log, LogLevel, Miniflare } from 'miniflare'
import type { MiniflareOptions } from 'miniflare'
import { egressOptions, workerOptions } from './bindings.ts'
import type { BoundedLog } from './bounded-log.ts'
import type { StartOptions } from './options.ts'
import { StartError } from './options.ts'
import { children } from './processes.ts'
import { RUN_TOKEN } from './run-lock.ts'
import type { RunLock } from './run-lock.ts'

const HEALTHY_WITHIN_MS = 30_000

/** Miniflare's own messages belong into the log file. */
class FileLog extends Log {
  readonly #log: BoundedLog

  constructor(log: BoundedLog) {
    super(LogLevel.WARN)
    this.#log = log
  }

  override log(message: string): void {
    this.#log.write(`${message}\n`)
  }
}

/** @throws StartError when something else listens there */
export async function requireFreePort(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'is already in use' : `cannot be opened (${error.code})`
      reject(new StartError(`Port ${port} on 127.0.0.1 ${reason}. Choose another one: npm start -- --port ${port + 1}`))
    })
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve()))
  })
}

export interface ServerContext {
  readonly root: string
  readonly options: StartOptions
  readonly lock: RunLock
  readonly log: BoundedLog
  /** Called when the runtime ends without having been asked to. */
  readonly onDeath: () => void
}

export class Server {
  readonly url: string
  readonly #context: ServerContext
  #miniflare: Miniflare | undefined
  /** Whether an end of the runtime is our own doing. */
  #expectsEnd = false
  #runtimePids: readonly number[] = []
  #workerName = ''

  constructor(context: ServerContext) {
    this.#context = context
    this.url = `http://127.0.0.1:${context.options.port}`
  }

  /** Starts the runtime, or starts it anew with other bindings. Returns once it accepts connections. */
  async run(secrets: Readonly<Record<string, string>>): Promise<void> {
    const { options, lock, log } = this.#context
    const temporary = join(options.state, 'tmp')
    if (this.#miniflare === undefined) {
      rmSync(temporary, { recursive: true, force: true })
      mkdirSync(temporary, { recursive: true })
      process.env['TMPDIR'] = temporary
    }
    this.#expectsEnd = true
    try {
      const settings = this.#settings(secrets)
      if (this.#miniflare === undefined) this.#miniflare = new Miniflare(settings)
      else await this.#miniflare.setOptions(settings)
      await this.#miniflare.ready
    } catch (error) {
      throw new StartError(`The runtime did not start. Its last words:\n${log.tail || String(error)}`)
    }
    this.#expectsEnd = false
    this.#runtimePids = children('workerd')
    lock.nameRuntime(this.#runtimePids)
  }

  #settings(secrets: Readonly<Record<string, string>>): MiniflareOptions {
    const { root, options, lock, log } = this.#context
    const worker = workerOptions(root, secrets)
    this.#workerName = worker.name ?? ''
    return {
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new FileLog(log),
      logRequests: false,
      unsafeLocalExplorer: false,
      unsafeObservability: false,
      unsafeTriggerHandlers: false,
      unsafeRuntimeEnv: { [RUN_TOKEN]: lock.token },
      d1Persist: join(options.state, 'd1'),
      r2Persist: join(options.state, 'files'),
      durableObjectsPersist: join(options.state, 'objects'),
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
        log.take(stdout)
        log.take(stderr)
        stdout.once('end', () => this.#noticeEnd())
      },
      workers: [
        {
          // Owns the socket that leads to the Worker, and is the dead end behind miniflare's own entry socket.
          name: 'front',
          modules: true,
          script: 'export default { fetch: () => new Response(null, { status: 404 }) }',
          unsafeDirectSockets: [{ host: '127.0.0.1', port: options.port, serviceName: worker.name }],
        },
        worker,
        egressOptions(root),
      ],
    } as MiniflareOptions
  }

  async database(): Promise<D1Database> {
    if (this.#miniflare === undefined) throw new Error('the runtime is not running')
    return this.#miniflare.getD1Database('DB', this.#workerName)
  }

  /** Waits for 200 from `/healthz`. @throws StartError after 30 s */
  async untilHealthy(): Promise<void> {
    const deadline = Date.now() + HEALTHY_WITHIN_MS
    for (let last = 'no answer'; ;) {
      const response = await fetch(`${this.url}/healthz`).catch(() => undefined)
      if (response?.status === 200) {
        await response.body?.cancel()
        return
      }
      if (response !== undefined) last = `${response.status} ${(await response.text()).slice(0, 200)}`
      if (Date.now() > deadline) throw new StartError(`The server does not become healthy: ${last}`)
      await sleep(50)
    }
  }

  /** Looks whether the runtime still lives, in case that the end of its output was not seen. Keeps this process alive. */
  watch(): NodeJS.Timeout {
    return setInterval(() => {
      if (!this.#runtimePids.every(isRunning)) this.#noticeEnd()
    }, 250)
  }

  #noticeEnd(): void {
    if (this.#expectsEnd) return
    this.#expectsEnd = true
    this.#context.onDeath()
  }

  async stop(): Promise<void> {
    this.#expectsEnd = true
    await this.#miniflare?.dispose().catch(() => {})
    rmSync(join(this.#context.options.state, 'tmp'), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
