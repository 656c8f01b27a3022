/** Whatever the order in which work finishes, a document ends in the state that the last accepted write says. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { DocumentInput, NearfieldClient } from '../../src/client/client.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { getDocument, listAll, makeTenant } from '../support/tenants.ts'

let server: LocalServer
let client: NearfieldClient

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
  client = (await makeTenant(server)).client
  for (const shards of [1, 3]) await client.createCollection({ name: `order-${shards}`, shards })
})

afterAll(() => server.stop())

const LATER = { prefer: 'respond-async' }

describe.each(['order-1', 'order-3'])('in the collection %s', (collection) => {
  const put = async (document: DocumentInput): Promise<string> => {
    const result = await client.put(collection, [document])
    return 'results' in result ? (result.results[0]?.status ?? 'none') : 'job'
  }
  const putLater = async (documents: DocumentInput[]): Promise<string> => {
    const result = await client.put(collection, documents, LATER)
    return 'job' in result ? result.job.id : ''
  }

  it('A, B and A again ends as A', async () => {
    expect(await put({ id: 'aba', text: 'The text A.' })).toBe('created')
    expect(await put({ id: 'aba', text: 'The text B.' })).toBe('replaced')
    expect(await put({ id: 'aba', text: 'The text A.' })).toBe('replaced')
    expect(await put({ id: 'aba', text: 'The text A.' })).toBe('unchanged')
    expect(await getDocument(client, collection, 'aba')).toMatchObject({ version: 3, text: 'The text A.' })
  })

  it('add, delete and add again is there, with a higher version', async () => {
    await put({ id: 'again', text: 'The same text.' })
    await client.request('DELETE', `/v1/collections/${collection}/documents/again`)
    expect(await put({ id: 'again', text: 'The same text.' })).toBe('created')
    const document = await getDocument(client, collection, 'again')
    expect(document.version).toBeGreaterThan(1)
    expect(document.text).toBe('The same text.')
  })

  it('an old 202 does not overwrite a newer 200', async () => {
    const others = Array.from({ length: 12 }, (_, number) => ({ id: `filler-${number}`, text: `Filler ${number}.` }))
    const job = await putLater([...others, { id: 'raced', text: 'The old text.' }])
    expect(await put({ id: 'raced', text: 'The new text.' })).not.toBe('unchanged')
    expect((await client.waitForJob(job)).status).toBe('succeeded')
    expect((await getDocument(client, collection, 'raced')).text).toBe('The new text.')
  })

  it('a 202 that is accepted after a deletion brings the document back, one before it does not', async () => {
    await put({ id: 'gone', text: 'First.' })
    const early = await putLater([{ id: 'gone', text: 'Accepted before the deletion.' }])
    await client.request('POST', `/v1/collections/${collection}/documents/delete`, { ids: ['gone'] })
    await client.waitForJob(early)
    expect((await listAll(client, collection)).map(({ id }) => id)).not.toContain('gone')
    await client.waitForJob(await putLater([{ id: 'gone', text: 'Accepted after the deletion.' }]))
    expect((await getDocument(client, collection, 'gone')).text).toBe('Accepted after the deletion.')
  })

  it('the last of many concurrent writes wins, and each has a version of its own', async () => {
    const texts = Array.from({ length: 8 }, (_, number) => `Concurrent text ${number}.`)
    const results = await Promise.all(texts.map((text) => client.put(collection, [{ id: 'crowd', text }])))
    const versions = results.flatMap((result) =>
      'results' in result ? result.results.map(({ version }) => version) : [],
    )
    expect(versions.toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    const winner = texts[versions.indexOf(8)]
    expect(await getDocument(client, collection, 'crowd')).toMatchObject({ version: 8, text: winner })
  })
})
