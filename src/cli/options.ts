/**
 * The command line's grammar and where a server and a key come from: flags, then `NEARFIELD_URL` and `NEARFIELD_KEY`,
 * then the credentials file that `npm start` writes into its state folder.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

/** A wrong command line; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface Options {
  readonly command: string
  readonly words: readonly string[]
  readonly url?: string
  readonly key?: string
  /** State folder of the local server; `.nearfield` unless given. */
  readonly state?: string
  readonly collection?: string
  readonly limit: number
  readonly json: boolean
  /** Of `sync`. */
  readonly exclude: readonly string[]
  readonly record?: string
  readonly dryRun: boolean
  readonly retry: boolean
  readonly allowEmpty: boolean
  /** Of `models`. */
  readonly id?: string
  readonly format?: string
  readonly languages?: string
  readonly licence?: string
  readonly dimensions?: number
  readonly help: boolean
  readonly version: boolean
}

export interface Target {
  readonly url: string
  readonly key: string
  readonly collection: string
}

export const USAGE = `nearfield: search and ask from the command line

  nearfield add <files or folders>   upload files; json and jsonl as documents
  nearfield sync <folder>            make a collection hold what a folder holds
  nearfield search "…"               search a collection
  nearfield ask "…"                  answer a question with citations
  nearfield status                   show the server, the key and its collections
  nearfield doctor                   look for what is wrong on this machine
  nearfield models list              show the models that may be named
  nearfield models import <file>     import word2vec, GloVe or fastText vectors
  nearfield models train <name>      train word vectors on a collection's text
  nearfield models delete <name>     delete a model
  nearfield export <tenant> <file>   write a tenant's archive (root key)
  nearfield import <tenant> <file>   put an archive in place (root key)

  --url URL           server; else NEARFIELD_URL, else .nearfield/credentials.json
  --key KEY           key;    else NEARFIELD_KEY, else .nearfield/credentials.json
  --state DIR         state folder of the local server to ask, instead of .nearfield
  --collection NAME   collection (default: docs)
  --limit N           hits of a search (default: 5)
  --exclude PATTERN   leave out of a sync or an upload; may be repeated
  --record FILE       what a sync remembers (default: .nearfield-sync.json there)
  --dry-run           say what a sync would do
  --retry             send files again that failed for good before
  --allow-empty       let a sync delete everything where the folder is empty
  --id NAME           name of a model that is made
  --format FORMAT     word2vec, word2vec-binary, glove, fasttext (default: auto)
  --languages LIST    what imported vectors know, such as en,de (default: any)
  --licence ID        SPDX identifier of imported vectors
  --dimensions N      length of trained vectors (default: 128)
  --json              print JSON for programs
  --version, --help

Exit codes: 0 done, 1 something failed, 2 wrong usage.`

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options {
  const flags = (() => {
    try {
      return parseArgs({
        args: [...args],
        allowPositionals: true,
        options: {
          url: { type: 'string' },
          key: { type: 'string' },
          state: { type: 'string' },
          collection: { type: 'string', short: 'c' },
          limit: { type: 'string', default: '5' },
          exclude: { type: 'string', multiple: true, default: [] },
          record: { type: 'string' },
          'dry-run': { type: 'boolean', default: false },
          retry: { type: 'boolean', default: false },
          'allow-empty': { type: 'boolean', default: false },
          id: { type: 'string' },
          format: { type: 'string' },
          languages: { type: 'string' },
          licence: { type: 'string' },
          dimensions: { type: 'string' },
          json: { type: 'boolean', default: false },
          help: { type: 'boolean', short: 'h', default: false },
          version: { type: 'boolean', short: 'v', default: false },
        },
      })
    } catch (error) {
      // Node adds advice about positional arguments, which is never what was meant here.
      const [fault = ''] = (error as Error).message.split('. ')
      throw new UsageError(`${fault.charAt(0).toLowerCase()}${fault.slice(1)}; try --help`)
    }
  })()
  const { values, positionals } = flags
  const limit = Number(values.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit must be a whole number from 1')
  const dimensions = values.dimensions === undefined ? undefined : Number(values.dimensions)
  if (dimensions !== undefined && !Number.isInteger(dimensions)) {
    throw new UsageError('--dimensions must be a whole number')
  }
  return {
    command: positionals[0] ?? '',
    words: positionals.slice(1),
    ...(values.url === undefined ? {} : { url: values.url }),
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(values.state === undefined ? {} : { state: values.state }),
    ...(values.collection === undefined ? {} : { collection: values.collection }),
    limit,
    exclude: values.exclude,
    ...(values.record === undefined ? {} : { record: values.record }),
    dryRun: values['dry-run'],
    retry: values.retry,
    allowEmpty: values['allow-empty'],
    ...(values.id === undefined ? {} : { id: values.id }),
    ...(values.format === undefined ? {} : { format: values.format }),
    ...(values.languages === undefined ? {} : { languages: values.languages }),
    ...(values.licence === undefined ? {} : { licence: values.licence }),
    ...(dimensions === undefined ? {} : { dimensions }),
    json: values.json,
    help: values.help,
    version: values.version,
  }
}

/** Which key of a local server's credentials a command needs. */
export type KeyRole = 'secretKey' | 'rootKey'

type Credentials = { readonly url?: string } & { readonly [Role in KeyRole]?: string }

/** The server that flags or, unless they name a local one, the environment names. An empty variable names none. */
export const namedServer = ({ url, state }: Options, environment: NodeJS.ProcessEnv): string | undefined =>
  url ?? (state === undefined ? environment['NEARFIELD_URL'] || undefined : undefined)

/**
 * Finds out whom to ask. A state folder that was named wins over the environment, as every flag does.
 * @throws UsageError when nothing names a server or a key
 */
export function findTarget(
  options: Options,
  environment: NodeJS.ProcessEnv,
  folder: string,
  role: KeyRole = 'secretKey',
): Target {
  const path = join(resolve(folder, options.state ?? '.nearfield'), 'credentials.json')
  const local: Credentials = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  // An empty variable is one that was meant to be unset.
  const named = (variable: string): string | undefined =>
    options.state === undefined ? environment[variable] || undefined : undefined
  const url = namedServer(options, environment) ?? local.url
  // The local server's key goes to no other server, and the environment's only where its server or none is named.
  const isElsewhere = options.url !== undefined && environment['NEARFIELD_URL'] !== options.url
  const environmentKey = isElsewhere && environment['NEARFIELD_URL'] ? undefined : named('NEARFIELD_KEY')
  const key = options.key ?? environmentKey ?? (url === local.url ? local[role] : undefined)
  if (url === undefined || key === undefined) {
    const missing = url === undefined ? 'server: use --url or NEARFIELD_URL' : 'key: use --key or NEARFIELD_KEY'
    throw new UsageError(
      `no ${missing}, or name the state folder of a running \`npm start\` with --state (there is no ${path})`,
    )
  }
  return { url, key, collection: options.collection ?? 'docs' }
}
