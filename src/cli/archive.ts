/** Moves a tenant's archive between a server and a file, line by line, with the root key. */
import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { NearfieldClient } from '../client/client.ts'
import { linesOf } from './lines.ts'
import { UsageError } from './options.ts'
import { ProgressBar } from './terminal.ts'

/** The end of an archive. */
export interface ArchiveEnd {
  readonly type: 'end'
  readonly collections?: number
  readonly documents?: number
  readonly chunks?: number
  readonly stateHash: string
}

/** What this command can send: another format may hold what it would pass over. */
const FORMAT = 1

/** A part of an import stays below these; a longer document travels alone. */
const PART_UNITS = 4_000_000
const PART_DOCUMENTS = 200
const PART_COLLECTIONS = 20

const pathOf = (tenant: string, action: string): string => `/v1/tenants/${encodeURIComponent(tenant)}/${action}`

/**
 * Writes the archive into a file, which appears under its name only when it is whole.
 * @throws Error where the stream ends early
 */
export async function exportTo(client: NearfieldClient, tenant: string, file: string): Promise<ArchiveEnd> {
  const response = await client.stream('GET', pathOf(tenant, 'export'))
  const unfinished = `${file}.part`
  // A file that lies there already may be readable by others, or lead elsewhere.
  rmSync(unfinished, { force: true })
  try {
    await pipeline(Readable.from(response), createWriteStream(unfinished, { mode: 0o600, flags: 'wx' }))
    const end = await lastLine(unfinished)
    if (end === undefined) throw new Error('the archive is not whole: the server stopped before its end')
    renameSync(unfinished, file)
    return end
  } finally {
    rmSync(unfinished, { force: true })
  }
}

/**
 * Sends a file's documents in parts and compares the state afterwards.
 * @throws UsageError for what is no archive, or one of another format; nothing is sent
 */
export async function importFrom(
  client: NearfieldClient,
  tenant: string,
  file: string,
  showProgress: boolean,
): Promise<{ readonly documents: number; readonly stateHash: string; readonly isEqual: boolean }> {
  const expected = await lastLine(file)
  if (expected === undefined) throw new UsageError(`${file} is not a whole archive: its last line is not the end`)
  await checkFormat(file)
  const bar = new ProgressBar(showProgress)
  let documents = 0
  for await (const part of parts(file)) {
    await client.request('POST', pathOf(tenant, 'import'), part)
    documents += part.documents?.length ?? 0
    bar.show(documents / Math.max(1, expected.documents ?? 1), documents)
  }
  bar.clear()
  const end = await stateOf(client, tenant)
  return { documents, stateHash: end.stateHash, isEqual: end.stateHash === expected.stateHash }
}

/** The first line says what the file is. */
async function checkFormat(file: string): Promise<void> {
  for await (const line of linesIn(file)) {
    const { type, format } = JSON.parse(line) as { readonly type?: unknown; readonly format?: unknown }
    if (type === 'archive' && format === FORMAT) return
    throw new UsageError(`${file} is not an archive of format ${FORMAT}`)
  }
}

async function stateOf(client: NearfieldClient, tenant: string): Promise<ArchiveEnd> {
  const stream = await client.stream('GET', `${pathOf(tenant, 'export')}?documents=false`)
  let end: ArchiveEnd | undefined
  for await (const line of linesOf(stream)) end = asEnd(line) ?? end
  if (end === undefined) throw new Error('the server did not say what the tenant holds now')
  return end
}

interface Part {
  collections?: object[]
  documents?: object[]
}

async function* parts(file: string): AsyncGenerator<Part> {
  let part: Part = {}
  let units = 0
  for await (const line of linesIn(file)) {
    const { type, ...value } = JSON.parse(line) as { type: string }
    const list = type === 'collection' ? 'collections' : type === 'document' ? 'documents' : undefined
    if (list === undefined) continue
    const isFull =
      units + line.length > PART_UNITS ||
      part.documents?.length === PART_DOCUMENTS ||
      part.collections?.length === PART_COLLECTIONS
    if (isFull && units > 0) {
      yield part
      part = {}
      units = 0
    }
    part[list] = [...(part[list] ?? []), value]
    units += line.length
  }
  if (units > 0) yield part
}

async function lastLine(file: string): Promise<ArchiveEnd | undefined> {
  let last = ''
  for await (const line of linesIn(file)) last = line
  return asEnd(last)
}

function asEnd(line: string): ArchiveEnd | undefined {
  if (!line.startsWith('{"type":"end"')) return undefined
  return JSON.parse(line) as ArchiveEnd
}

const linesIn = (file: string): AsyncIterable<string> => linesOf(createReadStream(file))
