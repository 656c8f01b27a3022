/** `edge-en` inside the runtime: weights through the assets binding, passages in an embedder object. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import plainModule from '../../../src/kernels/edge-plain.wasm'
import relaxedModule from '../../../src/kernels/edge-relaxed.wasm'
import type { EmbedderObject } from '../../../src/models/edge/embedder-object.ts'
import { createModels } from '../../../src/models/models.ts'
import { EDGE_EN_MODEL } from '../../../src/models/product-models.ts'
import { hasRelaxedSimd } from '../../../src/kernels/relaxed-simd.ts'
import { embedderContract } from '../../contract/embedder-contract.ts'

const CALLER = { tenantUid: 'ten_1' }
const models = createModels({
  async readAsset(path) {
    const response = await env.ASSETS.fetch(`https://assets.invalid/${path}`)
    expect(response.status).toBe(200)
    return response.arrayBuffer()
  },
  relaxedModule,
  plainModule,
  embedderNamespace: env.EMBEDDER,
  poolSize: 2,
})

embedderContract('edge-en in the runtime', ['query'], async () => models.queryEmbedder(EDGE_EN_MODEL, CALLER))
embedderContract('edge-en in embedder objects', ['passage'], async () => models.passageEmbedder(EDGE_EN_MODEL, CALLER))

describe('an embedder object', () => {
  const object = env.EMBEDDER.getByName('embedder-0')

  it('gives the vectors of the local embedder', async () => {
    const [remote] = await object.embedPassages(EDGE_EN_MODEL, CALLER, ['a ferry in fog'])
    const [local] = await models.queryEmbedder(EDGE_EN_MODEL, CALLER).embed(['a ferry in fog'], { kind: 'passage' })
    expect(remote).toEqual(local)
  })

  it('gives each passage its own vector, short ones computed together and long ones alone', async () => {
    const texts = ['a', 'two words', 'w '.repeat(400), 'b', '', 'c '.repeat(250), 'd '.repeat(250), 'last']
    const together = await object.embedPassages(EDGE_EN_MODEL, CALLER, texts)
    const embedder = models.queryEmbedder(EDGE_EN_MODEL, CALLER)
    expect(together).toHaveLength(texts.length)
    for (const [i, text] of texts.entries()) {
      expect(together[i]).toEqual((await embedder.embed([text], { kind: 'passage' }))[0])
    }
  })

  it('refuses more than 32 passages as a problem', async () => {
    const texts = Array.from({ length: 33 }, () => 'x')
    const failure = await runInDurableObject(object, (instance) =>
      (instance as unknown as EmbedderObject)
        .embedPassages(EDGE_EN_MODEL, CALLER, texts)
        .catch((error: unknown) => error),
    )
    expect(failure).toMatchObject({ name: 'Problem', code: 'invalid_request' })
  })

  it('answers a short call while a long one is under way', async () => {
    const order: string[] = []
    const texts = Array.from({ length: 32 }, (_, i) => `passage ${i} ${'with some more words '.repeat(10)}`)
    const long = object.embedPassages(EDGE_EN_MODEL, CALLER, texts).then(() => order.push('long'))
    const short = object.embedPassages(EDGE_EN_MODEL, CALLER, ['short']).then(() => order.push('short'))
    await Promise.all([long, short])
    expect(order).toEqual(['short', 'long'])
  })
})

describe('the runtime', () => {
  it('has relaxed SIMD, as feature detection says', () => {
    expect(hasRelaxedSimd()).toBe(true)
  })
})
