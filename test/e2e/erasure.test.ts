/**
 * The right to be forgotten, on the real commands: a tenant with a marker in everything that it ever sent is erased, the
 * server is killed, and every byte of the state folder is searched. And the way out before that: export, then import.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
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
}

/** Files of a folder that hold the word, in UTF-8 or UTF-16. */
function filesWith(folder: string, word: string): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => {
      const bytes = readFileSync(file)
      return bytes.includes(word, 0, 'utf8') || bytes.includes(word, 0, 'utf16le')
    })
}

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
  await client.put(
    'notes',
    ids.map((id) => document(`later-${id}`, MARKERS.pending)),
    { prefer: 'respond-async' },
  )
}

const nearfield = (server: LocalServer, ...words: string[]) =>
  JSON.parse(
    execFileSync('npm', ['run', '--silent', 'nearfield', '--', ...words, '--json', '--state', server.state], {
      cwd: ROOT,
      encoding: 'utf8',
    }),
  )

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

describe('a tenant', () => {
  it('leaves no byte of its content behind when it is erased', async () => {
    const server = await start()
    const client = await makeTenant(server, 'forgotten')
    await fill(client)
    await until('the text is on the disk', () => filesWith(server.state, MARKERS.text).length > 0)
    const operator = server.client(server.credentials.rootKey)
    const receipt = await operator.request<{ stores: { shards: number }; receipt: string }>(
      'DELETE',
      '/v1/tenants/forgotten',
    )
    expect(receipt.stores.shards).toBe(2)
    server.killGroup()
    await server.untilExit()
    for (const [what, word] of Object.entries(MARKERS))
      expect([what, filesWith(server.state, word)]).toEqual([what, []])
  })

  it('is exported into a file and imported into another tenant, with the same state', async () => {
    const server = await start()
    await fill(await makeTenant(server, 'leaving'))
    const copy = await makeTenant(server, 'arriving')
    const file = join(server.state, 'leaving.jsonl')
    const written = nearfield(server, 'export', 'leaving', file)
    expect(nearfield(server, 'import', 'arriving', file)).toMatchObject({ isEqual: true, stateHash: written.stateHash })
    const { hits } = await copy.search('notes', { query: MARKERS.text, mode: 'keyword' })
    expect(hits.length).toBeGreaterThan(0)
  })
})
