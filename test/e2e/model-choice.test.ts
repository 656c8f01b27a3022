/** A collection of which nothing is said but its name understands the language of what is put into it. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { copyState, startServer, until } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { makeTenant } from '../support/tenants.ts'

let server: LocalServer

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
})

afterAll(() => server.stop())

interface Shown {
  readonly model: string
  readonly modelChoice: string
  readonly statistics: { readonly documents: number; readonly pending: number }
}

const ARABIC = {
  'ferry.txt': 'تغادر العبارة الميناء في الساعة التاسعة صباحا، وتعود الأخيرة عندما يحل الظلام على الماء.',
  'bread.txt': 'يخبز الخباز خبزه قبل الفجر، ويبيعه ساخنا لجيرانه كل صباح في الحي القديم.',
}

const JAPANESE = [
  { id: 'ferry', text: 'フェリーは九時に港を出て、最後の便は暗くなってから戻ってきます。' },
  { id: 'bread', text: 'パン屋は夜明け前にパンを焼き、毎朝近所の人に焼きたてを売っています。' },
]

describe('a collection without a model', () => {
  it('understands files in Arabic and documents in Japanese', async () => {
    const { client, key } = await makeTenant(server)
    const collection = (name: string) => client.request<Shown>('GET', `/v1/collections/${name}`)
    const nearest = async (name: string, query: string) =>
      (await client.search(name, { query, mode: 'vector', limit: 2 })).hits.map(({ documentId }) => documentId)

    await client.createCollection({ name: 'files', shards: 2 })
    expect(await collection('files')).toMatchObject({ model: 'edge-en', modelChoice: 'open' })
    expect(await nearest('files', 'متى يبحر القارب؟')).toEqual([])
    const form = new FormData()
    for (const [name, text] of Object.entries(ARABIC)) form.append('file', new Blob([text]), name)
    const headers = { authorization: `Bearer ${key}` }
    const sent = await fetch(`${server.credentials.url}/v1/collections/files/files`, {
      method: 'POST',
      headers,
      body: form,
    })
    expect(sent.status).toBe(202)
    await until('both files are indexed', async () => (await collection('files')).statistics.documents === 2)
    expect(await collection('files')).toMatchObject({ model: 'edge-multilingual', modelChoice: 'by_language' })
    expect(await nearest('files', 'متى يبحر القارب؟')).toEqual(['ferry.txt', 'bread.txt'])

    await client.createCollection({ name: 'texts' })
    await client.put('texts', JAPANESE)
    expect(await collection('texts')).toMatchObject({ model: 'edge-multilingual', modelChoice: 'by_language' })
    expect(await nearest('texts', '船はいつ出航しますか')).toEqual(['ferry', 'bread'])
  })
})
