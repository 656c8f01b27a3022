/** The embedder contract, which every provider passes through its own protocol and over HTTP. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { RemoteSource } from '../../../../src/models/model.ts'
import { embedderContract } from '../../../contract/embedder-contract.ts'
import { playedVector } from '../../../support/played-embedding.ts'
import { playedEmbeddings } from '../../../support/played-providers.ts'
import { openAiRoutes } from '../../../support/played-provider-openai.ts'
import { PlayedProvider, type PlayedRoute } from '../../../support/played-provider.ts'
import { openAiSource } from '../../../support/remote-models-fixture.ts'
import { RemoteWorld } from '../../../support/remote-world.ts'

const providers = await playedEmbeddings()
const base64 = await PlayedProvider.start({ routes: [openAiRoutes()] })
/** Takes eight texts at once and no more. */
const narrow = await PlayedProvider.start({ routes: [narrowed(8), openAiRoutes()] })
const down = await PlayedProvider.start({ routes: [] })
const all = [base64, narrow, down, ...providers.map(({ played }) => played)]

function narrowed(most: number): PlayedRoute {
  return ({ body }) => {
    const { input } = body as { input: string[] }
    return input.length > most ? { status: 413, json: { error: 'too many' } } : undefined
  }
}

beforeEach(() => {
  for (const played of all) played.reset()
})

afterAll(async () => {
  await Promise.all(all.map((played) => played.stop()))
})

const contract = (name: string, ...sources: readonly RemoteSource[]): void =>
  embedderContract(name, ['query', 'passage'], async () => new RemoteWorld().embedder(sources))

for (const { name, source, dependencies } of providers) {
  embedderContract(name, ['query', 'passage'], async () => new RemoteWorld(dependencies).embedder([source]))
}
contract('openai-compatible that takes fewer texts', openAiSource(narrow.url))
embedderContract('the binding of Workers AI', ['query', 'passage'], async () => {
  const run = async (_: string, input: object): Promise<unknown> => {
    const { text } = input as { text: string[] }
    return { data: text.map((one) => playedVector(one, 64)) }
  }
  return new RemoteWorld({ ai: { run } }).embedder([{ provider: 'workers-ai', model: '@cf/played/model' }])
})
contract('a fallback', openAiSource(down.url), openAiSource(base64.url))

describe('texts that a provider finds too long', () => {
  it('are cut until they fit, and none for the sake of its neighbours', async () => {
    const embedder = new RemoteWorld().embedder([openAiSource(base64.url)])
    const nearlyLong = 'word '.repeat(400)
    const texts = ['short', 'x'.repeat(3_000), nearlyLong, 'also short']
    const vectors = await embedder.embed(texts, { kind: 'passage' })
    const sent = base64.requests.map(({ body }) => (body as { input: string[] }).input)
    expect(sent[0]).toHaveLength(4)
    expect(sent[1]).toEqual(['short', 'also short'])
    expect(sent.at(-1)).toEqual([nearlyLong])
    const cuts = sent.slice(2, -1).map(([text = '']) => text.length)
    expect(cuts).toEqual([...cuts].sort((a, b) => b - a))
    expect(cuts.at(-1)).toBeGreaterThan(1_000)
    for (const [index, text] of texts.entries()) {
      expect(await embedder.embed([text], { kind: 'passage' })).toEqual([vectors[index]])
    }
  })

  it('are not tried for ever where it refuses whatever it gets', async () => {
    const embedder = new RemoteWorld().embedder([openAiSource(base64.url)])
    base64.always({ fault: 'status', status: 400 })
    const failing = embedder.embed(
      Array.from({ length: 32 }, () => 'long '.repeat(300)),
      { kind: 'passage' },
    )
    await expect(failing).rejects.toMatchObject({ code: 'upstream_refused' })
    expect(base64.requests.length).toBeLessThanOrEqual(8)
    base64.requests.length = 0
    const short = embedder.embed(
      Array.from({ length: 32 }, () => 'short'),
      { kind: 'passage' },
    )
    await expect(short).rejects.toMatchObject({ code: 'upstream_refused' })
    expect(base64.requests.length).toBeLessThanOrEqual(4)
  })
})
