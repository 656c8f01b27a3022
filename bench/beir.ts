/** Reads a folder in the BEIR layout (Thakur et al. 2021): corpus.jsonl, queries.jsonl, qrels/test.tsv. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Judgements } from './ranking-metrics.ts'

export interface BeirDocument {
  readonly id: string
  readonly title: string
  readonly text: string
}

export interface BeirQuery {
  readonly id: string
  readonly text: string
  readonly judgements: Judgements
}

export interface BeirCollection {
  readonly name: string
  /** SHA-256 over the three files, in hex. */
  readonly sha256: string
  readonly documents: readonly BeirDocument[]
  /** Those with at least one relevant document; the others measure nothing. */
  readonly queries: readonly BeirQuery[]
}

interface JsonLine {
  readonly _id: string
  readonly title?: string
  readonly text?: string
}

const jsonLines = (text: string): JsonLine[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as JsonLine)

export function readBeir(folder: string): BeirCollection {
  const hash = createHash('sha256')
  const read = (path: string): string => {
    const bytes = readFileSync(join(folder, path))
    hash.update(bytes)
    return bytes.toString('utf8')
  }
  const documents = jsonLines(read('corpus.jsonl')).map(({ _id, title = '', text = '' }) => ({ id: _id, title, text }))
  const texts = jsonLines(read('queries.jsonl'))
  const judgements = new Map<string, Map<string, number>>()
  // The first line names the columns.
  for (const line of read('qrels/test.tsv').split('\n').slice(1)) {
    const [query, document, grade] = line.trim().split('\t')
    if (query === undefined || document === undefined) continue
    const ofQuery = judgements.get(query) ?? new Map<string, number>()
    judgements.set(query, ofQuery.set(document, Number(grade)))
  }
  const queries = texts.flatMap(({ _id, text = '' }): BeirQuery[] => {
    const judged = judgements.get(_id)
    const isUseful = judged !== undefined && [...judged.values()].some((grade) => grade > 0)
    return isUseful ? [{ id: _id, text, judgements: judged }] : []
  })
  return { name: basename(folder), sha256: hash.digest('hex'), documents, queries }
}
