/** What a name means: the product's models first, then the tenant's own, and only those of the task that is wanted. */
import { describe, expect, it } from 'vitest'
import { modelNames } from '../../../src/catalog/model-names.ts'
import type { ModelRecord } from '../../../src/catalog/records.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'

const ANN = 'ten_ann' as TenantUid
const BOB = 'ten_bob' as TenantUid
const BASE = { tenantUid: ANN, createdAtMs: 0, updatedAtMs: 0 }

const ROWS: readonly ModelRecord[] = [
  {
    ...BASE,
    uid: 'mdl_1',
    name: 'ours',
    task: 'embed',
    profile: { ...EDGE_EN, id: 'm' },
    source: { provider: 'openai-compatible', model: 'm', baseUrl: 'https://m.example/v1' },
  },
  {
    ...BASE,
    uid: 'mdl_2',
    name: 'judge',
    task: 'rerank',
    source: { provider: 'workers-ai', model: '@cf/baai/bge-reranker-base', accountId: 'a', apiKey: 'sealed' },
  },
]

const names = (hasWorkersAi: boolean) =>
  modelNames(
    {
      find: (tenantUid, name) => Promise.resolve(ROWS.find((row) => row.tenantUid === tenantUid && row.name === name)),
    },
    { hasWorkersAi },
  )

describe('the name of a model', () => {
  it('finds models of the product in every tenant', async () => {
    expect(await names(false).find(BOB, 'edge-en', 'embed', '/model')).toMatchObject({ uid: 'edge-en' })
    expect(await names(true).find(BOB, '@cf/baai/bge-m3', 'embed', '/model')).toMatchObject({
      source: { provider: 'workers-ai' },
      profile: { id: 'bge-m3' },
    })
    expect(await names(true).find(BOB, '@cf/baai/bge-reranker-base', 'rerank', '/model')).toMatchObject({
      task: 'rerank',
    })
  })

  it('finds a tenant’s own, also of Workers AI by an account of its own where the deployment has none', async () => {
    expect(await names(false).find(ANN, 'ours', 'embed', '/model')).toMatchObject({ uid: 'mdl_1' })
    expect(await names(false).find(ANN, 'judge', 'rerank', '/model')).toMatchObject({ uid: 'mdl_2' })
  })

  it.each([
    ['a name that nobody gave', ANN, 'nobody', 'embed', 'names no model'],
    ['another tenant’s', BOB, 'ours', 'embed', 'names no model'],
    ['vectors that callers bring', ANN, 'bring-your-own', 'embed', 'names no model'],
    ['a model that is for something else', ANN, 'judge', 'embed', 'must name a model that embeds'],
    ['an embedding model where one that reranks is wanted', ANN, 'ours', 'rerank', 'must name a model that reranks'],
    ['one of the product’s likewise', ANN, 'edge-en', 'generate', 'must name a model that writes'],
  ] as const)('is refused for %s', async (_, tenantUid, name, task, detail) => {
    const refused = await names(true).find(tenantUid, name, task, '/model').catch(asProblem)
    expect(refused).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/model', detail }] })
  })

  it('is not supported where it needs a binding that the deployment lacks', async () => {
    const refused = await names(false).find(ANN, '@cf/baai/bge-m3', 'embed', '/model').catch(asProblem)
    expect(refused).toMatchObject({ code: 'not_supported', errors: [{ pointer: '/model' }] })
  })
})
