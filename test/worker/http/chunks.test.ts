/** Where documents are cut, over HTTP: strategies, the caller's own chunks, locations, and neighbours of hits. */
import { describe, expect, it } from 'vitest'
import { problemOf } from './http-harness.ts'
import { api, collection, put, tenant, useTenant, world } from './tenant-api.ts'

useTenant()

interface Chunk {
  readonly text: string
  readonly headings: readonly string[]
  readonly truncated?: boolean
}

async function chunksOf(name: string, id: string): Promise<Chunk[]> {
  const { json } = await api('GET', `/v1/collections/${name}/documents/${id}?include=chunks`)
  return json.chunks as Chunk[]
}

const search = (name: string, body: object) =>
  api('POST', `/v1/collections/${name}/search`, { mode: 'keyword', ...body })

describe('the strategy of a collection', () => {
  it.each([
    ['sentence', { text: `${'A heron waits. '.repeat(9)}\n\nAn otter swims.` }, 2],
    ['page', { text: 'A heron.\fAn otter.\fA lynx.' }, 3],
    ['row', { markdown: '| animal | food |\n|---|---|\n| heron | frog |\n| otter | fish |' }, 2],
    ['none', { text: 'A heron.\n\n'.repeat(40) }, 1],
  ])('decides where documents are cut: %s', async (strategy, content, count) => {
    const made = await collection('cut', { chunking: { strategy, size: 16, overlap: 0 } })
    expect(made.json.chunking).toEqual({ strategy, size: 16, overlap: 0 })
    const { json } = await put('cut', [{ id: 'a', ...content }])
    expect(json.results).toMatchObject([{ status: 'created', chunks: count }])
    expect(await chunksOf('cut', 'a')).toHaveLength(count)
  })

  it('says pages and the header of a table where it knows them', async () => {
    await collection('pages', { chunking: { strategy: 'page' } })
    await put('pages', [{ id: 'a', text: 'A heron.\fAn otter.' }])
    const { json } = await search('pages', { query: 'otter' })
    expect(json.hits).toMatchObject([{ text: 'An otter.', page: 2 }])
    await collection('rows', { chunking: { strategy: 'row' } })
    await put('rows', [{ id: 'a', markdown: '| animal | food |\n|---|---|\n| heron | frog |\n| otter | fish |' }])
    const food = await search('rows', { query: 'food otter' })
    expect(food.json.hits[0]).toMatchObject({ text: '| otter | fish |', ordinal: 1 })
  })

  it('must leave room for what stands before a chunk, and be one that there is', async () => {
    for (const [chunking, pointer] of [
      [{ strategy: 'sentence', size: 217 }, '/chunking/size'],
      [{ strategy: 'row', overlap: 300 }, '/chunking/overlap'],
      [{ strategy: 'semantic' }, '/chunking/strategy'],
    ] as const) {
      expect(problemOf(await collection('bad', { chunking }))).toEqual({
        status: 400,
        code: 'invalid_request',
        pointers: [pointer],
      })
    }
  })
})

describe("the caller's own chunks", () => {
  it('are exactly those that are indexed, and part of what the document is', async () => {
    await collection('own')
    const text = 'The heron waits.\r\nThe otter swims.'
    const document = {
      id: 'a',
      text,
      title: 'River',
      chunks: [
        { start: 4, end: 9, headings: ['Birds'] },
        { start: 18, end: 34 },
      ],
    }
    expect((await put('own', [document])).json.results).toMatchObject([{ status: 'created', chunks: 2 }])
    expect(await chunksOf('own', 'a')).toMatchObject([
      { text: 'heron', headings: ['Birds'], start: 4, end: 9 },
      { text: 'The otter swims.', headings: [], start: 17, end: 33 },
    ])
    expect((await put('own', [document])).json.results).toMatchObject([{ status: 'unchanged' }])
    expect((await search('own', { query: 'waits' })).json.hits).toEqual([])
    expect((await search('own', { query: 'birds' })).json.hits).toMatchObject([{ id: 'a#0', text: 'heron' }])
    expect((await api('PATCH', '/v1/collections/own/documents/a', { title: 'Pond' })).status).toBe(200)
    expect(await chunksOf('own', 'a')).toMatchObject([{ text: 'heron' }, { text: 'The otter swims.' }])
    const other = { ...document, chunks: document.chunks.slice(1) }
    expect((await put('own', [other])).json.results).toMatchObject([{ status: 'replaced', chunks: 1 }])
  })

  it('may be texts, long ones among them, of which the model sees the beginning', async () => {
    await collection('texts')
    const long = 'heron '.repeat(400).trim()
    await put('texts', [{ id: 'a', chunks: [{ text: 'An otter.' }, { text: long, headings: ['Birds'] }] }])
    const { json } = await api('GET', '/v1/collections/texts/documents/a?include=text,chunks')
    expect(json.text).toBe(`An otter.\n\n${long}`)
    expect(json.chunks).toMatchObject([{ text: 'An otter.' }, { text: long, headings: ['Birds'], truncated: true }])
  })

  it('are refused with the place that is wrong', async () => {
    await collection('wrong')
    const wrong = [
      [{ text: 'abc', chunks: [{ start: 2, end: 9 }] }, '/documents/0/chunks/0/end'],
      [{ html: '<p>abc</p>', chunks: [{ start: 0, end: 1 }] }, '/documents/0/chunks'],
      [{ chunks: [{ start: 0, end: 1 }] }, '/documents/0/chunks/0/start'],
    ] as const
    for (const [document, pointer] of wrong) {
      const { status, pointers } = problemOf(await put('wrong', [{ id: 'a', ...document }]))
      expect([status, pointers?.[0]]).toEqual([400, pointer])
    }
  })

  it('move with their tenant, with the locations that chunks of files have', async () => {
    await collection('own')
    await put('own', [{ id: 'a', markdown: '# A heron', chunks: [{ start: 0, end: 9, headings: ['Birds'] }] }])
    const { text } = await world.call('GET', `/v1/tenants/${tenant.id}/export`, { key: world.rootKey })
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const linesOf = (kind: string) => lines.filter(({ type }) => type === kind).map(({ type: _type, ...line }) => line)
    const documents = linesOf('document').map((line) => ({
      ...line,
      chunks: (line['chunks'] as object[]).map((one) => ({ ...one, location: { page: 3, sheet: 'Ärzte' } })),
    }))
    const copy = await world.makeTenant('copy')
    const part = { collections: linesOf('collection'), documents }
    const imported = await world.call('POST', `/v1/tenants/${copy.id}/import`, { key: world.rootKey, body: part })
    expect([imported.status, imported.json]).toEqual([200, { collections: 1, documents: 1 }])
    const read = await world.call('GET', '/v1/collections/own/documents/a?include=chunks', { key: copy.key })
    expect(read.json.chunks).toMatchObject([{ text: '# A heron', headings: ['Birds'], page: 3, sheet: 'Ärzte' }])
  })
})

describe('the neighbours of a hit', () => {
  const markdown =
    '# River\n\nThe heron waits.\n\nThe otter swims.\n\nIt was born in 1911.\n\n# Wood\n\nThe lynx sleeps.'

  it('come with it, as one slice of the text', async () => {
    await collection('near', { chunking: { strategy: 'sentence', size: 16, overlap: 0 } })
    const chunks = [
      { start: 9, end: 25, headings: ['River'] },
      { start: 27, end: 43, headings: ['River'] },
      { start: 45, end: 65, headings: ['River'] },
      { start: 75, end: 91, headings: ['Wood'] },
    ]
    await put('near', [
      { id: 'a', markdown, chunks },
      { id: 'b', text: 'Another otter.' },
    ])
    const contextOf = async (expand: unknown) => {
      const { json } = await search('near', { query: 'swims', expand })
      const [hit] = json.hits
      expect(hit.text).toBe('The otter swims.')
      expect(markdown.slice(hit.context.start, hit.context.end)).toBe(hit.context.text)
      return hit.context as { text: string; chunks: { id: string }[] }
    }
    expect((await contextOf({ before: 1 })).text).toBe('The heron waits.\n\nThe otter swims.')
    expect((await contextOf({ before: 9, after: 9 })).text).toBe(markdown.slice(9))
    const section = await contextOf('section')
    expect(section.text).toBe(markdown.slice(9, 65))
    expect(section.chunks.map(({ id }) => id)).toEqual(['a#0', 'a#1', 'a#2'])
    expect((await search('near', { query: 'swims' })).json.hits[0]).not.toHaveProperty('context')
    expect(problemOf(await search('near', { query: 'x', expand: { before: 11 } })).pointers).toEqual(['/expand/before'])
  })

  it('are read for answers, whose quotes name the chunk that they stand in', async () => {
    await collection('asked')
    const text = 'Mount Karvel is a mountain in the north of the land.\n\nIt was first climbed in 1911 by Inge Solberg.'
    const at = text.indexOf('It was')
    await put('asked', [
      {
        id: 'k',
        text,
        chunks: [
          { start: 0, end: at - 2 },
          { start: at, end: text.length, headings: ['First ascent'] },
        ],
      },
    ])
    const ask = (more: object) =>
      api('POST', '/v1/collections/asked/answers', {
        question: 'Who first climbed Mount Karvel?',
        search: { limit: 1, query: 'mountain in the north', ...more },
      })
    const { json } = await ask({ expand: { after: 1 } })
    expect(json.citations).toMatchObject([{ chunkId: 'k#1', quote: text.slice(at), headings: ['First ascent'] }])
    for (const { start, end, quote } of json.citations) expect(text.slice(start, end)).toBe(quote)
    expect((await ask({})).json.citations).not.toMatchObject([{ chunkId: 'k#1' }])
  })
})
