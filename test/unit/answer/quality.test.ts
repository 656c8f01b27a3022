/**
 * How often does it answer right, and how often does it abstain? On the questions that the weights were fitted on, and on
 * questions of other documents that they were not. Every document is among the passages' sources for every question.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ExtractiveGenerator } from '../../../src/answer/extractive-generator.ts'
import { chunk, DEFAULT_CHUNKING } from '../../../src/chunking/chunk.ts'
import type { TextFormat } from '../../../src/chunking/document-text.ts'
import { indexedText } from '../../../src/chunking/indexed-text.ts'
import type { Passage } from '../../../src/models/generator.ts'
import { countEdgeTokens, edgeEmbedder } from './edge-embedder.ts'

interface JudgedDocument {
  readonly id: string
  readonly title: string
  readonly format: TextFormat
  readonly text: string
  readonly answerable: readonly { readonly question: string; readonly expected: string }[]
  readonly unanswerable: readonly string[]
}

const read = (file: string): JudgedDocument[] =>
  (JSON.parse(readFileSync(`test/fixtures/answers/${file}`, 'utf8')) as { documents: JudgedDocument[] }).documents

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

async function embed(text: string): Promise<Float32Array> {
  const [vector] = await edgeEmbedder.embed([text], { kind: 'passage' })
  return vector ?? new Float32Array(0)
}

/** Shares of answerable questions answered with the expected words, and of unanswerable ones abstained from. */
async function judge(documents: readonly JudgedDocument[]): Promise<{ answered: number; abstained: number }> {
  const sources: { passage: Passage; vector: Float32Array }[] = []
  for (const document of documents) {
    const pieces = chunk(document, DEFAULT_CHUNKING, { countTokens: countEdgeTokens, maxTokens: 256 })
    for (const [ordinal, { start, end, headings, prefix }] of pieces.entries()) {
      const text = document.text.slice(start, end)
      const vector = await embed(indexedText(prefix, text))
      const { id, title } = document
      sources.push({
        passage: { chunkId: `${id}#${ordinal}`, documentId: id, title, headings, text, score: 0 },
        vector,
      })
    }
  }
  const generator = new ExtractiveGenerator(edgeEmbedder)
  const ask = async (question: string): Promise<string> => {
    const asked = await embed(question)
    const passages = sources
      .map(({ passage, vector }) => ({ ...passage, score: dot(asked, vector) }))
      .toSorted((a, b) => b.score - a.score)
      .slice(0, 8)
    const { sentences } = await generator.answer({ question, language: 'en', passages })
    return sentences.map((sentence) => sentence.text).join(' ')
  }
  const answerable = documents.flatMap((document) => document.answerable)
  const unanswerable = documents.flatMap((document) => document.unanswerable)
  let answered = 0
  let abstained = 0
  for (const { question, expected } of answerable) if ((await ask(question)).includes(expected)) answered++
  for (const question of unanswerable) if ((await ask(question)) === '') abstained++
  return { answered: answered / answerable.length, abstained: abstained / unanswerable.length }
}

describe('extractive answers', () => {
  it('are right and rightly absent on the questions they were fitted on', async () => {
    const { answered, abstained } = await judge(read('questions.json'))
    expect(answered).toBeGreaterThanOrEqual(0.88)
    expect(abstained).toBeGreaterThanOrEqual(0.9)
  })

  it('hold on documents that they were not fitted on', async () => {
    const { answered, abstained } = await judge(read('held-out-questions.json'))
    expect(answered).toBeGreaterThanOrEqual(0.85)
    expect(abstained).toBeGreaterThanOrEqual(0.8)
  })
})
