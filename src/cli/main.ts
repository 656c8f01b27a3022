#!/usr/bin/env node
/** `npm run nearfield -- <command>`: add, sync, search, ask, models and status over the HTTP API, for people and for programs. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { NearfieldClient, NearfieldError } from '../client/client.ts'
import type { CollectionInfo } from '../client/client.ts'
import { add } from './add.ts'
import { exportTo, importFrom } from './archive.ts'
import { examine, printFindings, stateFolderOf } from './doctor.ts'
import { models } from './models.ts'
import { findTarget, namedServer, parseOptions, USAGE, UsageError } from './options.ts'
import type { Options, Target } from './options.ts'
import { printSync } from './print-sync.ts'
import { printAdd, printAnswer, printArchive, printModels, printSearch, printStatus } from './print.ts'
import { sync } from './sync.ts'
import { FileProgress } from './terminal.ts'

/** npm runs scripts in the package's folder; paths mean the folder where the command was typed. */
const folder = process.env['INIT_CWD'] ?? process.cwd()

function show<T>(options: Options, value: T, print: (value: T) => void): void {
  if (options.json) console.log(JSON.stringify(value))
  else print(value)
}

const COMMANDS: Readonly<Record<string, (options: Options, target: Target) => Promise<number>>> = {
  async add(options, target) {
    if (options.words.length === 0) throw new UsageError('add: name files or folders')
    const report = await add(target, options, folder, new FileProgress(!options.json))
    show(options, report, printAdd)
    return report.failed === 0 ? 0 : 1
  },

  async sync(options, target) {
    const [named, ...more] = options.words
    if (named === undefined || more.length > 0) throw new UsageError('sync: name one folder')
    const report = await sync(target, { ...options, folder: named }, folder, new FileProgress(!options.json))
    show(options, report, () => printSync(report, named, target.collection))
    return report.failures.length === 0 ? 0 : 1
  },

  async search(options, target) {
    const query = sentence(options, 'search')
    show(
      options,
      await inCollection(target, (client) => client.search(target.collection, { query, limit: options.limit })),
      printSearch,
    )
    return 0
  },

  async ask(options, target) {
    const question = sentence(options, 'ask')
    show(options, await inCollection(target, (client) => client.answer(target.collection, { question })), printAnswer)
    return 0
  },

  async status(options, target) {
    const client = new NearfieldClient(target)
    const { version } = await client.request<{ version: string }>('GET', '/healthz')
    const key = await client.request<{ id: string; name: string; kind: string }>('GET', '/v1/keys/self')
    const names = (await client.collections()).data.map(({ name }) => name)
    const collections: CollectionInfo[] = []
    for (const name of names) collections.push(await client.collection(name))
    show(options, { url: target.url, version, key, collections }, () =>
      printStatus(target.url, version, `${key.name} (${key.kind}, ${key.id})`, collections),
    )
    return 0
  },

  async models(options, target) {
    show(options, await models(new NearfieldClient(target), options, folder), printModels)
    return 0
  },

  async export(options, target) {
    const [tenant, file] = archiveWords(options)
    const end = await ofTenant(tenant, exportTo(new NearfieldClient(target), tenant, file))
    show(options, { file, ...end }, () => printArchive(`${tenant} is in ${file}`, end.documents ?? 0, end.stateHash))
    return 0
  },

  async import(options, target) {
    const [tenant, file] = archiveWords(options)
    const client = new NearfieldClient({ ...target, retries: 5 })
    const report = await ofTenant(tenant, importFrom(client, tenant, file, !options.json))
    show(options, report, () => printArchive(`${file} is in ${tenant}`, report.documents, report.stateHash))
    if (!report.isEqual) console.error('nearfield: the tenant holds more, or other, documents than the archive')
    return report.isEqual ? 0 : 1
  },
}

/** Commands of the operator. */
const ROOT_COMMANDS = new Set(['export', 'import'])

function archiveWords({ words, command }: Options): readonly [string, string] {
  const [tenant, file] = words
  if (tenant === undefined || file === undefined || words.length > 2) {
    throw new UsageError(`${command}: name a tenant and a file`)
  }
  return [tenant, resolve(folder, file)]
}

/** A 404 says nothing of what is absent; here it can only be the collection. */
async function inCollection<T>(target: Target, call: (client: NearfieldClient) => Promise<T>): Promise<T> {
  try {
    return await call(new NearfieldClient(target))
  } catch (error) {
    if (!(error instanceof NearfieldError && error.status === 404)) throw error
    throw new Error(`no collection "${target.collection}" for this key ${codeOf(error)}`, { cause: error })
  }
}

/** As above, of a tenant: an archive is put into one that is there. */
async function ofTenant<T>(tenant: string, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof NearfieldError && error.status === 404)) throw error
    throw new Error(`no tenant "${tenant}"; POST /v1/tenants makes one ${codeOf(error)}`, { cause: error })
  }
}

function sentence(options: Options, command: string): string {
  const text = options.words.join(' ').trim()
  if (text === '') throw new UsageError(`${command}: say what to look for, in quotes`)
  return text
}

async function doctor(options: Options): Promise<number> {
  const url = namedServer(options, process.env)
  const findings = await examine({
    root: join(import.meta.dirname, '../..'),
    stateFolder: stateFolderOf(folder, options.state),
    nodeVersion: process.version,
    ...(url === undefined ? {} : { url }),
  })
  show(options, findings, printFindings)
  return findings.some(({ state }) => state === 'fault') ? 1 : 0
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args)
  if (options.version) {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'))
    console.log(version)
    return 0
  }
  if (options.help) {
    console.log(USAGE)
    return 0
  }
  if (options.command === '') {
    console.error(USAGE)
    return 2
  }
  // The one command that needs neither a server nor a key.
  if (options.command === 'doctor') return doctor(options)
  const command = Object.hasOwn(COMMANDS, options.command) ? COMMANDS[options.command] : undefined
  if (command === undefined) throw new UsageError(`there is no command "${options.command}"; try --help`)
  const role = ROOT_COMMANDS.has(options.command) ? 'rootKey' : 'secretKey'
  const target = findTarget(options, process.env, folder, role)
  try {
    return await command(options, target)
  } catch (error) {
    throw unreachable(error, target.url) ?? error
  }
}

/** What `fetch` reports as "fetch failed", with the server's name and the reason. */
function unreachable(error: unknown, url: string): Error | undefined {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } }
  if (message !== 'fetch failed') return undefined
  if (cause?.code === 'ECONNREFUSED') return new Error(`nothing listens at ${url}; is the server running? (npm start)`)
  return new Error(`cannot reach ${url}: ${cause?.message ?? cause?.code ?? message}`)
}

const codeOf = ({ status, code, requestId }: NearfieldError): string =>
  `(${[`${status} ${code}`, ...(requestId === undefined ? [] : [requestId])].join(', ')})`

/** One line for every failure, with the code that a program or a search engine can use. */
function explain(error: unknown): string {
  return error instanceof NearfieldError ? `${error.message} ${codeOf(error)}` : (error as Error).message
}

process.on('SIGINT', () => {
  console.error('\nstopped; run the same command again to go on where it stopped')
  process.exit(130)
})

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`nearfield: ${explain(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
