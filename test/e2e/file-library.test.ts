/**
 * The fixture library over HTTP: every file of it is uploaded to the real server, and what became of it is read back: format or
 * code of the file, texts of its documents, and hits that say where in the file they stand.
 */
import { globSync } from 'node:fs'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import type { Location } from '../../src/chunking/document-text.ts'
import type { JobFile, NearfieldClient } from '../../src/client/client.ts'
import { FILE_FORMATS } from '../../src/parsing/file-format.ts'
import type { ExpectedDocument, LibraryEntry } from '../support/library/library-entry.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { makeTenant } from '../support/tenants.ts'

/** Vectors of one's own: words are searched, and nothing is embedded. */
const MODEL = { provider: 'bring-your-own', dimensions: 8, metric: 'cosine' }
/** Each row a chunk of its own shows rows; pages show everything else. */
const STRATEGIES = ['row', 'page'] as const
/** Rows from here on would be more chunks than a document may have. */
const MANY_ROWS = 10_000
const MAX_UPLOAD_BYTES = 20_000_000
/** Larger ones are bombs or long: parsers have tests that read them. */
const MAX_FILE_BYTES = 1_000_000

/** What is larger than any file may be is refused with its whole request, and 100,000 documents fill a shard. */
const LEFT_OUT: ReadonlySet<string> = new Set(['file_too_large', 'too_many_documents'])

interface Uploaded {
  readonly entry: LibraryEntry
  readonly collection: (typeof STRATEGIES)[number]
  /** With its area as a folder, so that no name is there twice. */
  readonly name: string
}

interface Hit extends Location {
  readonly documentId: string
  readonly text: string
  readonly headings: readonly string[]
}

type SeenFile = JobFile & { readonly format?: string; readonly pages?: number }

const library: Uploaded[] = []
for (const path of globSync('*.ts', { cwd: 'test/support/library' }).sort()) {
  const area = path.slice(0, -3)
  const { entries = [] } = (await import(`../support/library/${area}.ts`)) as { entries?: readonly LibraryEntry[] }
  const accepted = entries.filter(({ expect: expected }) => !('code' in expected && LEFT_OUT.has(expected.code)))
  for (const entry of accepted) library.push({ entry, collection: collectionOf(entry), name: `${area}/${entry.name}` })
}

function collectionOf({ expect: expected }: LibraryEntry): Uploaded['collection'] {
  const documents = 'documents' in expected ? expected.documents : []
  const rows = documents.flatMap(({ locations = [] }) => locations.flatMap(({ location }) => location.row ?? []))
  return rows.length > 0 && rows.every((row) => row < MANY_ROWS) ? 'row' : 'page'
}

let server: LocalServer
let client: NearfieldClient
const sent: Uploaded[] = []
const seen = new Map<string, SeenFile>()

async function filesOf(job: string): Promise<SeenFile[]> {
  const files: SeenFile[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await client.getJobFiles(job, { limit: 1_000, ...(cursor === '' ? {} : { cursor }) })
    files.push(...page.data)
    cursor = page.nextCursor
  }
  return files
}

interface Upload {
  readonly collection: string
  readonly form: FormData
}

/** Files with the same options go into one upload, as long as it stays short. */
async function uploads(): Promise<Upload[]> {
  const all: Upload[] = []
  const groups = Map.groupBy(library, ({ entry, collection }) => `${collection} ${JSON.stringify(entry.options ?? {})}`)
  for (const files of groups.values()) {
    let size = MAX_UPLOAD_BYTES
    for (const { entry, collection, name } of files) {
      const bytes = new Uint8Array(await entry.bytes())
      if (bytes.length > MAX_FILE_BYTES) continue
      sent.push({ entry, collection, name })
      if (size + bytes.length > MAX_UPLOAD_BYTES) {
        size = 0
        all.push({ collection, form: new FormData() })
        if (entry.options !== undefined) all.at(-1)?.form.append('options', JSON.stringify(entry.options))
      }
      size += bytes.length
      all.at(-1)?.form.append('file', new Blob([bytes]), name)
    }
  }
  return all
}

beforeAll(async () => {
  // Before the first request: a server closes connections on which nothing is heard for long.
  const all = await uploads()
  server = await startServer(copyState(inject('preparedState')))
  ;({ client } = await makeTenant(server, 'library'))
  for (const strategy of STRATEGIES)
    await client.createCollection({ name: strategy, model: MODEL, chunking: { strategy, size: 200, overlap: 0 } })
  const jobs: string[] = []
  for (const { collection, form } of all) {
    const { job } = await client.request<{ job: { id: string } }>('POST', `/v1/collections/${collection}/files`, form)
    jobs.push(job.id)
  }
  for (const job of jobs) {
    await client.waitForJob(job)
    for (const file of await filesOf(job)) seen.set(file.name, file)
  }
})

afterAll(() => server.stop())

/** As the file calls it, or else by its place among the file's documents. */
const idOf = ({ id, key = '' }: ExpectedDocument, name: string): string => id ?? (key === '' ? name : `${name}/${key}`)

async function hitsFor(collection: string, id: string, query: string): Promise<Hit[]> {
  const { hits } = await client.search(collection, { query, mode: 'keyword', filter: { $id: id }, limit: 50 })
  return hits as unknown as Hit[]
}

async function checkDocument({ collection, name }: Uploaded, expected: ExpectedDocument): Promise<void> {
  const id = idOf(expected, name)
  const path = `/v1/collections/${collection}/documents/${encodeURIComponent(id)}?include=text`
  const document = await client
    .request<{ text: string; title?: string; metadata: object }>('GET', path)
    .catch(() => undefined)
  if (document === undefined) throw new Error(`there is no document ${id}`)
  if (expected.title !== undefined) expect(document.title, name).toBe(expected.title)
  if (expected.metadata !== undefined) expect(document.metadata, name).toMatchObject(expected.metadata)
  let at = 0
  for (const part of expected.contains) {
    expect(document.text.slice(at), name).toContain(part)
    at = document.text.indexOf(part, at) + part.length
  }
  for (const part of expected.lacks ?? []) expect(document.text, name).not.toContain(part)
  for (const { text, location } of expected.locations ?? []) {
    const hit = (await hitsFor(collection, id, text)).find((found) => found.text.includes(text))
    expect(hit, `${name}: ${text}`).toBeDefined()
    checkPlace(`${name}: ${text}`, hit ?? {}, location, collection === 'row')
  }
}

/** A chunk begins where its text does or before, and ends there or behind. */
function checkPlace(what: string, hit: Location, { row, startTime, endTime, ...rest }: Location, isRow: boolean): void {
  expect(hit, what).toMatchObject(rest)
  if (row !== undefined && isRow) expect(hit.row, what).toBe(row)
  if (row !== undefined) expect(hit.row, what).toBeLessThanOrEqual(row)
  if (startTime !== undefined) expect(hit.startTime, what).toBeLessThanOrEqual(startTime)
  if (endTime !== undefined) expect(hit.endTime, what).toBeGreaterThanOrEqual(endTime)
}

/** What a file failed with; of an archive that was opened, what the files in it did. */
function codesOf(name: string): string[] {
  const inside = [...seen.values()].filter((file) => file.name.startsWith(`${name}/`))
  return (inside.length > 0 ? inside : [seen.get(name)]).flatMap((file) => file?.code ?? [])
}

it('reads every file as it is meant to be read, and says where its words stand', async () => {
  for (const uploaded of sent) {
    const { entry, name } = uploaded
    const file = seen.get(name)
    if ('code' in entry.expect) {
      expect([name, ...new Set(codesOf(name))]).toEqual([name, entry.expect.code])
      expect(['failed', 'indexed'], name).toContain(file?.status)
      continue
    }
    const { format, documents, count, pages } = entry.expect
    expect
      .soft({ name, status: file?.status, format: file?.format, code: codesOf(name).join() })
      .toEqual({ name, status: 'indexed', format, code: '' })
    if (file?.status !== 'indexed') continue
    if (count !== undefined && format !== 'zip') expect({ name, count: file?.documents }).toEqual({ name, count })
    if (pages !== undefined) expect({ name, pages: file?.pages }).toEqual({ name, pages })
    for (const document of documents) {
      // Of several documents without a name the library does not say which one it means.
      const isNamed = document.id !== undefined || document.key !== undefined || file?.documentId !== undefined
      if (isNamed) await checkDocument(uploaded, document)
    }
  }
})

it('says of every file that fails which code it fails with, and in a sentence why', () => {
  const failed = [...seen.values()].filter(({ status }) => status === 'failed')
  const others = [...seen.values()].filter(({ status }) => status !== 'failed' && status !== 'indexed')
  expect(others).toEqual([])
  for (const { name, code, detail } of failed) {
    expect([name, code, detail]).toEqual([
      name,
      expect.stringMatching(/^[a-z_]+$/),
      expect.stringMatching(/^.{10,300}$/),
    ])
  }
  expect(failed.filter(({ code }) => code === 'parser_crashed')).toEqual([])
})

it('is of at least sixty files, of every format and with a file for each of many codes', () => {
  expect(sent.length).toBeGreaterThanOrEqual(60)
  const formats = new Set([...seen.values()].map(({ format }) => format))
  expect(FILE_FORMATS.filter((format) => !formats.has(format))).toEqual([])
  expect(new Set([...seen.values()].flatMap(({ code }) => code ?? [])).size).toBeGreaterThanOrEqual(12)
})
