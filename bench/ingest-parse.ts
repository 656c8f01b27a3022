/** Reading and cutting large files in this process, through the product's own code, with a plain split as the baseline. */
import type { CollectionRecord } from '../src/catalog/records.ts'
import { DEFAULT_CHUNKING } from '../src/chunking/chunk.ts'
import type { CollectionId, TenantUid } from '../src/core/ids.ts'
import { acceptParsed, documentIdOf } from '../src/files/accept-parsed.ts'
import { prepareChunks } from '../src/ingest/prepare-chunks.ts'
import { createEdgeModel } from '../src/models/edge/edge-model.ts'
import { memoryBytes } from '../src/parsing/memory-bytes.ts'
import { ParseBudget } from '../src/parsing/parse-budget.ts'
import { parseFile } from '../src/parsing/parse-file.ts'
import type { ParsedDocument } from '../src/parsing/parsed-document.ts'
import { recogniseFile } from '../src/parsing/recognise-file.ts'
import { edgeKernelModule, readEdgeModelFile } from '../test/support/edge-model.ts'
import { readCMap } from '../test/support/library/parse-entry.ts'
import type { BenchFile } from './ingest-files.ts'
import { EDGE_EN_MODEL } from '../src/models/product-models.ts'

export interface ParseResult {
  readonly name: string
  readonly fileBytes: number
  readonly documents: number
  readonly chunks: number
  /** Of text. */
  readonly textBytes: number
  readonly parseMs: number
  readonly chunkMs: number
  readonly baselineMs: number
  /** Most bytes that the parser said it held. */
  readonly heldBytes: number
}

/** A collection as a newcomer makes it. */
const COLLECTION: CollectionRecord = {
  id: 'col_bench' as CollectionId,
  tenantUid: 'ten_bench' as TenantUid,
  name: 'bench',
  placementEpoch: 1,
  language: 'auto',
  settings: {},
  generation: {
    id: 'gen_bench',
    model: EDGE_EN_MODEL,
    profileId: 'edge-en',
    dimensions: 384,
    chunking: DEFAULT_CHUNKING,
    shards: 1,
    precision: 'int8',
  },
  createdAtMs: 0,
  updatedAtMs: 0,
}

/** As many as the product hands over at a time. */
const BATCH_DOCUMENTS = 50
/** About as many words as a chunk has tokens. */
const WORDS_PER_PIECE = 150

class WatchedBudget extends ParseBudget {
  held = 0
  mostHeld = 0

  override hold(bytes: number): void {
    super.hold(bytes)
    this.held += bytes
    this.mostHeld = Math.max(this.mostHeld, this.held)
  }

  override release(bytes: number): void {
    super.release(bytes)
    this.held -= bytes
  }
}

export type Measure = (file: BenchFile) => Promise<ParseResult>

export async function parseMeasure(): Promise<Measure> {
  const model = createEdgeModel(await readEdgeModelFile(), edgeKernelModule('relaxed'))
  const countTokens = (text: string): number => model.tokenizer.count(text)
  return async ({ name, bytes: content }) => {
    const bytes = memoryBytes(content)
    const budget = new WatchedBudget({ size: bytes.size, clock: () => performance.now() })
    let parseMs = 0
    let chunkMs = 0
    let baselineMs = 0
    let documents = 0
    let chunks = 0
    let textBytes = 0
    let startedAt = performance.now()
    const cut = async (batch: readonly ParsedDocument[]): Promise<void> => {
      const parsedAt = performance.now()
      parseMs += parsedAt - startedAt
      // Side by side, as the product accepts a batch: Node makes each digest on another thread, which takes longer than it.
      const made = await Promise.all(
        batch.map(async (document) => {
          const source = await acceptParsed(document, documentIdOf(document, name), {}, COLLECTION, undefined)
          return prepareChunks({ source }, COLLECTION, countTokens)
        }),
      )
      for (const { chunks: ofDocument } of made) chunks += ofDocument.length
      const cutAt = performance.now()
      chunkMs += cutAt - parsedAt
      for (const { text } of batch) {
        plainSplit(text)
        textBytes += Buffer.byteLength(text)
      }
      documents += batch.length
      startedAt = performance.now()
      baselineMs += startedAt - cutAt
    }
    const detected = await recogniseFile(bytes, name, budget)
    let batch: ParsedDocument[] = []
    for await (const document of parseFile({ name, ...detected, bytes, options: {}, budget, readCMap })) {
      batch.push(document)
      if (batch.length < BATCH_DOCUMENTS) continue
      await cut(batch)
      batch = []
    }
    await cut(batch)
    parseMs += performance.now() - startedAt
    const { mostHeld: heldBytes } = budget
    return { name, fileBytes: content.length, documents, chunks, textBytes, parseMs, chunkMs, baselineMs, heldBytes }
  }
}

/** What the simplest thing that could be called chunking costs: so many words at a time. */
function plainSplit(text: string): string[] {
  const words = text.split(/\s+/)
  const pieces: string[] = []
  for (let at = 0; at < words.length; at += WORDS_PER_PIECE)
    pieces.push(words.slice(at, at + WORDS_PER_PIECE).join(' '))
  return pieces
}
