/** Search through the real server: shards, pages, tenants, and searching while a large upload runs. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { NearfieldClient, SearchResult } from '../../src/client/client.ts'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { makeTenant } from '../support/tenants.ts'

let server: LocalServer

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
})

afterAll(() => server.stop())

const ANIMALS = ['heron', 'otter', 'badger', 'lynx', 'hare', 'stoat', 'owl']
const PLACES = ['weir', 'barn', 'quarry', 'orchard', 'mill']
const NOTES = Array.from({ length: 60 }, (_, day) => ({
  id: `note-${day}`,
  title: `Day ${day}`,
  text: `The ${ANIMALS[day % 7]} was seen near the ${PLACES[day % 5]}. It stayed until ${day % 3 === 0 ? 'dusk' : 'dawn'}.`,
  metadata: { animal: ANIMALS[day % 7], day },
}))

describe('the ranking', () => {
  let client: NearfieldClient
  const collections = [1, 2, 5].map((shards) => `shards-${shards}`)

  beforeAll(async () => {
    client = (await makeTenant(server)).client
    for (const name of collections) {
      await client.createCollection({ name, shards: Number(name.split('-')[1]) })
      await client.put(name, NOTES)
    }
  })

  it.each([
    { query: 'which heron stayed by the weir until dusk' },
    { query: 'otter', mode: 'keyword' },
    { query: 'a bird at night', mode: 'vector' },
    { query: 'badger in the quarry', fusion: { method: 'rrf' } },
    { query: 'owl near the mill', filter: { day: { $gte: 20 } }, groupBy: 'document' },
    { query: 'hare', feedback: true },
  ])('is the same for 1, 2 and 5 shards: %o', async (request) => {
    const results = await Promise.all(collections.map((name) => client.search(name, { ...request, limit: 100 })))
    const [one, ...others] = results.map(({ hits }) => hits.map(({ id, score }) => [id, score.toFixed(9)]))
    expect(one?.length).toBeGreaterThan(0)
    for (const other of others) expect(other).toEqual(one)
  })

  it.each(['shards-1', 'shards-5'])('comes in pages that concatenate to the one large page in %s', async (name) => {
    const request = { query: 'which heron stayed by the weir', facets: ['animal'] }
    const whole = await client.search(name, { ...request, limit: 60 })
    const pages: SearchResult['hits'][number][] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: SearchResult = await client.search(name, { ...request, limit: 7, ...(cursor ? { cursor } : {}) })
      pages.push(...page.hits)
      cursor = page.nextCursor
    }
    expect(pages.map(({ id, score }) => [id, score])).toEqual(whole.hits.map(({ id, score }) => [id, score]))
  })
})

describe('tenants', () => {
  it('never see each other, whatever their ids are', async () => {
    const [a, b] = await Promise.all([makeTenant(server, 'a'), makeTenant(server, 'b')])
    for (const [tenant, secret] of [
      [a, 'The password of Anna is crane.'],
      [b, 'The password of Bert is plover.'],
    ] as const) {
      await tenant.client.createCollection({ name: 'private' })
      await tenant.client.put('private', [{ id: 'secret', text: secret }])
    }
    for (const [tenant, own, foreign] of [
      [a, 'crane', 'plover'],
      [b, 'plover', 'crane'],
    ] as const) {
      const found = JSON.stringify(await tenant.client.search('private', { query: 'password crane plover', limit: 10 }))
      expect(found).toContain(own)
      expect(found).not.toContain(foreign)
    }
    const { id } = await a.client.collection('private')
    await expect(b.client.search(id, { query: 'password' })).rejects.toMatchObject({ status: 404 })
  })
})

describe('a large upload', () => {
  it.each([{}, { prefer: 'wait=4' }])(
    'lets a search answer before the 1,000-document PUT ends: %o',
    async (headers) => {
      const { client } = await makeTenant(server)
      await client.createCollection({ name: 'big' })
      await client.put('big', [{ id: 'first', text: 'The lighthouse keeper counts the ships.' }])
      const documents = Array.from({ length: 1_000 }, (_, number) => ({
        id: `big-${number}`,
        text: `Entry ${number} of the harbour log. ${NOTES[number % 60]?.text ?? ''} The harbour master signed it. `.repeat(
          6,
        ),
      }))
      const ended: string[] = []
      const upload = client.put('big', documents, headers).then((result) => {
        ended.push('upload')
        return result
      })
      await new Promise((resolve) => setTimeout(resolve, 100))
      const { hits } = await client.search('big', { query: 'who counts the ships', limit: 1 })
      ended.push('search')
      expect(hits[0]?.documentId).toBe('first')
      const result = await upload
      expect(ended).toEqual(['search', 'upload'])
      if ('job' in result) await client.request('POST', `/v1/jobs/${result.job.id}/cancel`)
    },
  )
})
