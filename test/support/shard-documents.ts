/** Documents, chunks and toy vectors for tests of the shard, on Node and inside workerd alike. */
import { hex, sha256, utf8 } from '../../src/core/bytes.ts'
import type { JsonObject } from '../../src/core/canonical-json.ts'
import type { PreparedChunk, SourceDocument, WriteContext } from '../../src/shard/shard-api.ts'

export const DIMENSIONS = 8

export const CONTEXT: WriteContext = { keyId: 'key_test', allowance: { kind: 'unlimited' }, mayWriteAcl: true }

/** Each word votes for one dimension; texts that share words are near. */
export function toyVector(text: string): Float32Array {
  const vector = new Float32Array(DIMENSIONS)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    let hash = 7
    for (const character of word) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0
    vector[hash % DIMENSIONS] = (vector[hash % DIMENSIONS] ?? 0) + 1
  }
  return vector
}

export interface DraftDocument {
  readonly id: string
  readonly text: string
  readonly title?: string
  readonly metadata?: JsonObject
  readonly acl?: readonly string[]
  /** Each of its lines is a page. */
  readonly hasPages?: boolean
}

export async function makeSource(draft: DraftDocument): Promise<SourceDocument> {
  const { id, text, title, metadata = {}, acl, hasPages = false } = draft
  const contentHash = hex(await sha256(utf8(JSON.stringify([id, text, title ?? null, metadata, acl ?? null]))))
  return {
    id,
    text,
    metadata,
    format: hasPages ? 'extracted' : 'text',
    contentHash,
    ...(title === undefined ? {} : { title }),
    ...(acl && { acl }),
  }
}

/** One chunk a line; vectors where `embed` says so. */
export function makeChunks(source: SourceDocument, embed: (key: string) => boolean = () => true): PreparedChunk[] {
  const chunks: PreparedChunk[] = []
  let start = 0
  for (const line of source.text.split('\n')) {
    const end = start + line.length
    if (line !== '') {
      const vectorKey = `key of ${line.slice(0, 99)}`
      chunks.push({
        start,
        end,
        headings: [],
        prefix: '',
        language: 'en',
        tokens: line.split(' ').length,
        truncated: false,
        vectorKey,
        ...(source.format === 'extracted' ? { location: { page: chunks.length + 1, sheet: 'Ärzte' } } : {}),
        ...(embed(vectorKey) ? { vector: toyVector(line) } : {}),
      })
    }
    start = end + 1
  }
  return chunks
}
