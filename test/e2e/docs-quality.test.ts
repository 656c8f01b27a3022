/**
 * Retrieval quality as a test: questions about this project's documentation with judged documents, asked of the collection
 * that every first start makes. A floor that a change falls under is a regression of ranking, chunking or model.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { copyState, startServer } from '../support/local-server.ts'
import type { LocalServer } from '../support/local-server.ts'
import { ndcgAt } from '../support/ndcg.ts'

interface Judgement {
  readonly query: string
  readonly relevant: Readonly<Record<string, number>>
}

const JUDGEMENTS: readonly Judgement[] = JSON.parse(readFileSync('test/fixtures/docs-judgements.json', 'utf8'))
const CUT = 5

let server: LocalServer
const mean = new Map<string, number>()

beforeAll(async () => {
  server = await startServer(copyState(inject('preparedState')))
  const client = server.client()
  for (const mode of ['keyword', 'vector', 'hybrid']) {
    let sum = 0
    for (const { query, relevant } of JUDGEMENTS) {
      const { hits } = await client.search('docs', { query, mode, groupBy: 'document', limit: CUT })
      sum += ndcgAt(
        CUT,
        hits.map(({ documentId }) => documentId),
        relevant,
      )
    }
    mean.set(mode, sum / JUDGEMENTS.length)
  }
})

afterAll(() => server.stop())

describe('search over the documentation', () => {
  it.each([
    ['keyword', 0.8],
    ['vector', 0.82],
    ['hybrid', 0.88],
  ])('keeps its nDCG@5 in %s mode above %f', (mode, floor) => {
    expect(mean.get(mode)).toBeGreaterThan(floor)
  })

  it('is better with both legs than with either', () => {
    expect(mean.get('hybrid')).toBeGreaterThan(Math.max(mean.get('keyword') ?? 1, mean.get('vector') ?? 1))
  })
})
