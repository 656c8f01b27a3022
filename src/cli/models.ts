/** `nearfield models`: lists, imports, trains and deletes models, over the HTTP API. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { NearfieldError } from '../client/client.ts'
import type { NearfieldClient } from '../client/client.ts'
import { UsageError } from './options.ts'
import type { Options } from './options.ts'
import { plain } from './terminal.ts'

/** What a model is, as far as a line of a list shows it. */
export interface ModelInfo {
  readonly id: string
  readonly task: string
  readonly provider: string
  readonly dimensions?: number
  readonly maxTokens?: number
  readonly languages?: readonly string[]
  readonly words?: number
  readonly licence: string
}

/** The server reads so much of a file of word vectors; the words that come first are the frequent ones. */
const MAX_SENT_BYTES = 100_000_000

/** Runs the action that the words name; answers what is to be shown. @throws UsageError, NearfieldError */
export async function models(
  client: NearfieldClient,
  { words, ...options }: Options,
  folder: string,
): Promise<readonly ModelInfo[] | ModelInfo | { readonly deleted: string }> {
  const [action, name, ...more] = words
  if (action === 'list' && name === undefined) return listed(client)
  if (name === undefined || more.length > 0) {
    throw new UsageError('models: list, import FILE, train COLLECTION, or delete NAME')
  }
  switch (action) {
    case 'import':
      return imported(client, resolve(folder, name), options)
    case 'train': {
      const { id = modelName(`${name}-words`), dimensions } = options
      const asked = { id, collection: name, method: 'ppmi-svd', ...(dimensions === undefined ? {} : { dimensions }) }
      return orAbsent(client.request('POST', '/v1/models/train', asked), `no collection "${name}" for this key`)
    }
    case 'delete':
      await orAbsent(client.request('DELETE', `/v1/models/${encodeURIComponent(name)}`), `no model "${name}"`)
      return { deleted: name }
    case undefined:
    default:
      throw new UsageError(`models: there is no action "${action}"; list, import, train, delete`)
  }
}

/** A 404 says nothing of what is absent; `absent` does. */
async function orAbsent<T>(call: Promise<T>, absent: string): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof NearfieldError && error.status === 404)) throw error
    throw new Error(`${absent} (404 ${error.code})`, { cause: error })
  }
}

const PLACES: Readonly<Record<string, string>> = { edge: 'in the Worker', 'word-vectors': 'word vectors' }
const MAX_NAMED_LANGUAGES = 3

/** A line of a table for each model: name, where it runs, what it gives, what it reads, languages, licence. */
export function modelTable(list: readonly ModelInfo[]): readonly (readonly string[])[] {
  const rows = list.map(({ id, task, provider, dimensions, maxTokens, languages = [], words, licence }) => {
    const named = languages.length > MAX_NAMED_LANGUAGES ? `${languages.length} languages` : languages.join(', ')
    return [
      plain(id),
      PLACES[provider] ?? provider,
      dimensions === undefined ? task : `${dimensions} dimensions`,
      words === undefined ? (maxTokens === undefined ? '' : `${maxTokens} tokens`) : `${words} words`,
      plain(named),
      licence === 'unknown' ? '' : plain(licence),
    ]
  })
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)))
}

async function listed(client: NearfieldClient): Promise<ModelInfo[]> {
  const all: ModelInfo[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: { data: ModelInfo[]; nextCursor: string | null } = await client.request(
      'GET',
      `/v1/models?limit=100${query}`,
    )
    all.push(...page.data)
    cursor = page.nextCursor
  }
  return all
}

async function imported(
  client: NearfieldClient,
  path: string,
  { id, format, languages, licence }: Omit<Options, 'words'>,
): Promise<ModelInfo> {
  const { bytes, isCut } = beginningOf(path)
  const query = new URLSearchParams({ id: id ?? modelName(basename(path)), cut: String(isCut) })
  for (const [field, value] of Object.entries({ format, languages, licence })) {
    if (value !== undefined) query.set(field, value)
  }
  return client.request('POST', `/v1/models/import?${query.toString()}`, new Blob([bytes]))
}

function beginningOf(path: string): { readonly bytes: Buffer<ArrayBuffer>; readonly isCut: boolean } {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, MAX_SENT_BYTES))
    let filled = 0
    while (filled < bytes.length) {
      const read = readSync(file, bytes, filled, bytes.length - filled, filled)
      if (read === 0) break
      filled += read
    }
    return { bytes: bytes.subarray(0, filled), isCut: size > MAX_SENT_BYTES }
  } finally {
    closeSync(file)
  }
}

/** A name that the server takes, from a file's or a collection's: `GloVe.6B.50d.txt` is `glove.6b.50d`. */
export function modelName(source: string): string {
  const name = source
    .toLowerCase()
    .replace(/\.(txt|vec|bin)$/, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 63)
  if (name === '') throw new UsageError('models: give it a name with --id')
  return name
}
