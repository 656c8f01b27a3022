import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { egressOptions, workerOptions } from '../../../scripts/start/bindings.ts'
import { BoundedLog } from '../../../scripts/start/bounded-log.ts'
import { documentation } from '../../../scripts/start/first-run.ts'
import { parseOptions, UsageError } from '../../../scripts/start/options.ts'
import { isAlive, look, record } from '../../../scripts/start/processes.ts'
import { takeRunLock } from '../../../scripts/start/run-lock.ts'
import { readSecrets } from '../../../scripts/start/secrets.ts'
import { cliLine, curlCommands } from '../../../scripts/start/summary.ts'
import { parseKey } from '../../../src/tenancy/key-format.ts'

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'nearfield-parts-'))

describe('options of npm start', () => {
  it('have defaults and are resolved', () => {
    expect(parseOptions([])).toEqual({ port: 8787, state: resolve('.nearfield') })
    expect(parseOptions(['--port', '9000', '--state', 'x'])).toEqual({ port: 9000, state: resolve('x') })
  })

  it.each([[['--port', '0']], [['--port', '70000']], [['--port', 'x']], [['--colour', 'red']], [['extra']]])(
    'refuse %j',
    (args) => {
      expect(() => parseOptions(args)).toThrow(UsageError)
    },
  )
})

describe('secrets', () => {
  it('are made once, privately, and read again', () => {
    const folder = newFolder()
    const made = readSecrets(folder)
    expect(parseKey(made.rootKey)?.kind).toBe('root')
    expect(made.sealingKey).toMatch(/^[0-9a-f]{64}$/)
    expect(statSync(join(folder, 'secrets.env')).mode & 0o777).toBe(0o600)
    expect(readSecrets(folder)).toEqual(made)
  })
})

describe('processes', () => {
  it('are proven by start time and command, not by pid alone', () => {
    const own = record('supervisor', process.pid)
    expect(own && isAlive(own)).toBe(true)
    expect(own && isAlive({ ...own, startTime: 'another' })).toBe(false)
    expect(own && isAlive({ ...own, command: 'another' })).toBe(false)
    expect(look(2 ** 22 + 1)).toBeUndefined()
  })

  it('take a folder one at a time', async () => {
    const folder = newFolder()
    const lock = await takeRunLock(folder)
    await expect(takeRunLock(folder)).rejects.toThrow(/already running/)
    lock.release()
    const next = await takeRunLock(folder)
    next.release()
  })
})

describe('the request log', () => {
  it('is moved aside when it has grown, so that two files are the most', () => {
    const path = join(newFolder(), 'nearfield.log')
    const log = new BoundedLog(path)
    const line = `${'x'.repeat(999_999)}\n`
    for (let megabyte = 0; megabyte < 25; megabyte++) log.write(line)
    expect(statSync(path).size).toBeLessThan(12_000_000)
    expect(statSync(`${path}.1`).size).toBeLessThan(12_000_000)
    expect(log.tail.split('\n')).toHaveLength(20)
  })

  it('does not say which host the runtime looked for', async () => {
    const path = join(newFolder(), 'nearfield.log')
    const log = new BoundedLog(path)
    const stream = new PassThrough()
    log.take(stream)
    for (const piece of ['DNS lookup failed.; params.ho', 'st = secret.example; params.service = x\nnext', ' line'])
      stream.write(piece)
    stream.end()
    await finished(stream)
    expect(readFileSync(path, 'utf8')).toBe('DNS lookup failed.; params.host = …; params.service = x\nnext line')
  })
})

describe('bindings', () => {
  it('are read from wrangler.toml, and a key that is not understood is an error', () => {
    const options = workerOptions('.', { NEARFIELD_SEALING_KEY: 'x' })
    expect(Object.keys(options.durableObjects ?? {})).toEqual(['SHARD', 'TENANT', 'FILES', 'EMBEDDER'])
    expect(options.r2Buckets).toEqual({ ORIGINALS: 'nearfield-originals', INBOX: 'nearfield-inbox' })
    expect(options.queueProducers).toEqual({ FILE_QUEUE: { queueName: 'nearfield-files' } })
    expect(options.queueConsumers).toMatchObject({
      'nearfield-files': { maxRetries: 5, deadLetterQueue: 'nearfield-files-dead' },
      'nearfield-files-dead': { maxRetries: 5 },
    })
    expect(options.bindings).toMatchObject({ NEARFIELD_SEALING_KEY: 'x' })
    const folder = newFolder()
    writeFileSync(
      join(folder, 'wrangler.toml'),
      `${readFileSync('wrangler.toml', 'utf8')}\n[[kv_namespaces]]\nbinding = "CACHE"\n`,
    )
    expect(() => workerOptions(folder, {})).toThrow(/kv_namespaces/)
  })
})

describe('the egress Worker', () => {
  it('is the service of the main one, has nothing but code, and reaches public addresses only', () => {
    const options = egressOptions('.')
    expect(workerOptions('.', {}).serviceBindings).toEqual({ EGRESS: { name: options.name, entrypoint: 'Egress' } })
    expect(options.outboundService).toEqual({ network: { allow: ['public'], tlsOptions: { trustBrowserCas: true } } })
    expect(options.compatibilityFlags).toEqual(['global_fetch_strictly_public'])
    const reach = Object.keys(options).filter((name) =>
      /bindings|namespaces|databases|objects|buckets|assets/i.test(name),
    )
    expect(reach).toEqual([])
  })
})

describe('the first run', () => {
  it('takes the whole documentation, each page by its path and title', () => {
    const documents = documentation('.')
    expect(documents.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['README.md', 'ARCHITECTURE.md', 'docs/search.md']),
    )
    expect(documents.find(({ id }) => id === 'docs/search.md')).toMatchObject({ title: 'Search', language: 'en' })
  })

  it('leaves out the commands to try, which would find themselves', () => {
    const readme = documentation('.').find(({ id }) => id === 'README.md')?.markdown ?? ''
    expect(readFileSync('README.md', 'utf8')).toContain('take a bike on the boat')
    expect(readme).not.toContain('take a bike on the boat')
    expect(readme).toContain('## Try it\n\n`npm start` prints lines like these')
    expect(readme).toContain('npm run deploy')
  })

  it('prints commands that survive a shell, whatever the folder is called, as the front page shows them', () => {
    for (const command of curlCommands('http://127.0.0.1:1', "/tmp/it's here/authorization.txt")) {
      expect(command).toContain(`@'/tmp/it'\\''s here/authorization.txt'`)
      expect(command.split('\n').slice(0, -1)).toSatisfy((lines: string[]) =>
        lines.every((line) => line.endsWith(' \\')),
      )
    }
    const readme = readFileSync('README.md', 'utf8')
    for (const command of curlCommands('http://127.0.0.1:8787', '.nearfield/authorization.txt'))
      expect(readme).toContain(command.replaceAll('\n    ', '\n  '))
    expect(readme).toContain(cliLine('.nearfield'))
    expect(cliLine('my state')).toMatch(/ --state 'my state'$/)
  })
})
