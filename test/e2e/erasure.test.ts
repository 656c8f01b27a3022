/**
 * The right to be forgotten, on the real commands: a tenant with a marker in everything that it ever sent is erased, the
 * server is killed, and every byte of the state folder is searched. And the way out before that: export, then import.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { NearfieldClient } from '../../src/client/client.ts'
import { copyState, ROOT, startServer, until } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'

const servers: LocalServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function start(): Promise<LocalServer> {
  const server = await startServer(copyState(inject('preparedState')))
  servers.push(server)
  return server
}

/** A word that stands nowhere else; letters only, so that no index cuts it and no folding changes it. */
const marker = (): string => `zq${[...randomBytes(14)].map((byte) => 'abcdefghijklmnopqrstuvwxyz'[byte % 26]).join('')}`

const MARKERS = {
  text: marker(),
  title: marker(),
  heading: marker(),
  url: marker(),
  metadata: marker(),
  field: marker(),
  acl: marker(),
  query: marker(),
  question: marker(),
  replaced: marker(),
  deleted: marker(),
  pending: marker(),
  vectors: marker(),
}

/** Of what files hold. */
const CONTENT_MARKERS = { content: marker(), waiting: marker(), unreadable: marker(), large: marker() }
/** Of files that made no document, whose ids the control plane knows, and of what feeds a collection by itself. */
const FILE_MARKERS = {
  ...CONTENT_MARKERS,
  option: marker(),
  waitingName: marker(),
  unreadableName: marker(),
  site: marker(),
  pattern: marker(),
  prefix: marker(),
}

/** A running server deletes journals as it goes on. */
const bytesOf = (file: string): Promise<Buffer> =>
  readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })

/**
 * Files of a folder that hold the word, in UTF-8 or UTF-16. Never blocks for long: a process that sleeps through the end of
 * a kept connection would send its next request into it.
 */
async function filesWith(folder: string, word: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = join(entry.parentPath, entry.name)
    const bytes = await bytesOf(file)
    if (bytes.includes(word, 0, 'utf8') || bytes.includes(word, 0, 'utf16le')) found.push(file)
  }
  return found
}

const isIn = async (folder: string, word: string): Promise<boolean> => (await filesWith(folder, word)).length > 0

/** Sends everything that a tenant can send, some of it twice and some of it deleted again. */
async function fill(client: NearfieldClient): Promise<void> {
  await client.createCollection({ name: 'notes', shards: 2 })
  const document = (id: string, word: string) => ({
    id,
    title: `About ${MARKERS.title}`,
    markdown: `# ${MARKERS.heading}\n\nThe heron knows ${word} well.`,
    url: `https://example.com/${MARKERS.url}`,
    metadata: { place: MARKERS.metadata, [MARKERS.field]: true },
    acl: [MARKERS.acl],
  })
  const ids = Array.from({ length: 12 }, (_, number) => `note-${number}`)
  await client.put(
    'notes',
    ids.map((id) => document(id, MARKERS.text)),
  )
  await client.put('notes', [document('changed', MARKERS.replaced)])
  await client.put('notes', [document('changed', MARKERS.text)], { 'idempotency-key': MARKERS.text })
  await client.put('notes', [document('gone', MARKERS.deleted)])
  await client.request('DELETE', '/v1/collections/notes/documents/gone')
  await client.search('notes', { query: MARKERS.query, facets: ['place'], filter: { place: MARKERS.metadata } })
  await client.answer('notes', { question: `What does ${MARKERS.question} know?` })
  await client.request('POST', '/v1/models/import?id=words', new Blob([`heron 1 0 1\n${MARKERS.vectors} 0 1 1\n`]))
  await client.put(
    'notes',
    ids.map((id) => document(`later-${id}`, MARKERS.pending)),
    { prefer: 'respond-async' },
  )
}

const fileOf = (name: string, ...content: (string | Uint8Array<ArrayBuffer>)[]) => ({
  name,
  content: new Blob(content),
})

/** Files that were read, that cannot be read, that wait; and a site that does not answer, with a schedule. */
async function fillWithFiles(client: NearfieldClient): Promise<void> {
  await client.createCollection({ name: 'files', shards: 2 })
  const { content, option, waiting, waitingName, unreadable, unreadableName, large } = FILE_MARKERS
  const { site, pattern, prefix } = FILE_MARKERS
  const form = new FormData()
  form.append('options', JSON.stringify({ metadata: { team: option } }))
  form.append('file', new Blob([`# Herons\n\nThe heron knows ${content}.`]), 'heron.md')
  form.append('file', new Blob([`heron,note\n1,${content}\n`]), 'herons.csv')
  const read = await client.request<{ job: { id: string } }>('POST', '/v1/collections/files/files', form)
  await until('the files are indexed', async () => {
    const { status } = await client.request<{ status: string }>('GET', `/v1/jobs/${read.job.id}`)
    return status === 'succeeded'
  })
  await client.uploadFiles('files', [
    fileOf(`${unreadableName}.gif`, new Uint8Array([0x47, 0x49, 0x46, 0x38, 0x39, 0x61]), unreadable),
    // Longer than one part of an original.
    fileOf('long.txt', `The heron knows ${large}. `.repeat(150_000)),
  ])
  await client.uploadFiles(
    'files',
    Array.from({ length: 200 }, (_, i) =>
      fileOf(`${waitingName}/${i}.txt`, `The heron waits for ${waiting} and ${i}.`),
    ),
  )
  await client.request('POST', '/v1/collections/files/crawl', {
    url: `https://${site}.example/`,
    include: [`/${pattern}/**`],
    schedule: '15 3 * * *',
  })
  await client.request('POST', '/v1/collections/files/sources', { kind: 'bucket', prefix: `${prefix}/` })
}

async function nearfield(server: LocalServer, ...words: string[]) {
  const all = ['run', '--silent', 'nearfield', '--', ...words, '--json', '--state', server.state]
  const { stdout } = await promisify(execFile)('npm', all, { cwd: ROOT, encoding: 'utf8' })
  return JSON.parse(stdout)
}

async function makeTenant(server: LocalServer, id: string): Promise<NearfieldClient> {
  const { url, rootKey } = server.credentials
  await new NearfieldClient({ url, key: rootKey }).request('POST', '/v1/tenants', { id, name: id })
  const operator = new NearfieldClient({ url, key: rootKey, tenant: id })
  const scopes = ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin']
  const { secret } = await operator.request<{ secret: string }>('POST', '/v1/keys', {
    name: 'all',
    kind: 'secret',
    scopes,
  })
  return new NearfieldClient({ url, key: secret })
}

describe('a collection', () => {
  it('takes its files along when it is deleted, read, waiting or failed', async () => {
    const server = await start()
    const client = await makeTenant(server, 'tidy')
    await fillWithFiles(client)
    await client.request('DELETE', '/v1/collections/files')
    // Names and settings may stand in free pages of the files object until these are written over.
    for (const [what, word] of Object.entries(CONTENT_MARKERS))
      await until(`nothing of ${what} is left`, async () => !(await isIn(server.state, word)))
  })
})

describe('a tenant', () => {
  it('leaves no byte of its content behind when it is erased', async () => {
    const server = await start()
    const client = await makeTenant(server, 'forgotten')
    await fill(client)
    for (const word of [MARKERS.text, MARKERS.vectors]) await until('it is on the disk', () => isIn(server.state, word))
    const operator = server.client(server.credentials.rootKey)
    const receipt = await operator.request<{ stores: { shards: number }; receipt: string }>(
      'DELETE',
      '/v1/tenants/forgotten',
    )
    expect(receipt.stores.shards).toBe(2)
    server.killGroup()
    await server.untilExit()
    for (const [what, word] of Object.entries(MARKERS))
      expect([what, await filesWith(server.state, word)]).toEqual([what, []])
  })

  it('leaves nothing of its files behind, read, waiting or failed, and the control plane never had any', async () => {
    const server = await start()
    const client = await makeTenant(server, 'filed')
    await fillWithFiles(client)
    for (const word of Object.values(CONTENT_MARKERS)) {
      await until('it is on the disk', () => isIn(server.state, word))
    }
    for (const [what, word] of Object.entries(FILE_MARKERS)) {
      const found = await filesWith(server.state, word)
      expect([what, found.filter((file) => /[/\\]d1[/\\]/.test(file))]).toEqual([what, []])
    }
    const operator = server.client(server.credentials.rootKey)
    const receipt = await operator.request<{ stores: { originals: number } }>('DELETE', '/v1/tenants/filed')
    expect(receipt.stores.originals).toBeGreaterThanOrEqual(2)
    server.killGroup()
    await server.untilExit()
    for (const [what, word] of Object.entries(FILE_MARKERS))
      expect([what, await filesWith(server.state, word)]).toEqual([what, []])
  })

  it('is exported into a file and imported into another tenant, with the same state', async () => {
    const server = await start()
    await fill(await makeTenant(server, 'leaving'))
    const copy = await makeTenant(server, 'arriving')
    const file = join(server.state, 'leaving.jsonl')
    const written = await nearfield(server, 'export', 'leaving', file)
    const read = await nearfield(server, 'import', 'arriving', file)
    expect(read).toMatchObject({ isEqual: true, stateHash: written.stateHash })
    const { hits } = await copy.search('notes', { query: MARKERS.text, mode: 'keyword' })
    expect(hits.length).toBeGreaterThan(0)
  })
})
