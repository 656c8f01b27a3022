import { describe, expect, it } from 'vitest'
import { compareUtf8 } from '../../../src/core/bytes.ts'
import type { Filter } from '../../../src/metadata/filter.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { CONTEXT, makeChunks, makeSource } from '../../support/shard-documents.ts'

const team = (name: string): Filter => ({ kind: 'compare', path: ['team'], operator: '$eq', operand: name })

describe('a stored document', () => {
  it('comes back as it was sent, with its figures', async () => {
    const shard = new NodeShard()
    const outline = [{ start: 0, end: 3, kind: 'heading' as const, level: 2 }]
    const source = {
      ...(await makeSource({ id: 'x', text: 'one\nzwö', title: 'T', metadata: { a: [1, 'b'] } })),
      url: 'https://docs.example/x',
      language: 'de',
      format: 'html' as const,
      outline,
    }
    const ticket = shard.ticket(source)
    shard.writes.commit({ source, chunks: makeChunks(source), ticket }, CONTEXT)
    expect(shard.reads.document('x', { include: ['text', 'chunks', 'vectors'] })).toEqual({
      id: 'x',
      title: 'T',
      url: 'https://docs.example/x',
      language: 'de',
      metadata: { a: [1, 'b'] },
      version: 1,
      status: 'indexed',
      chunkCount: 2,
      bytes: 8,
      contentHash: source.contentHash,
      etag: `"1-${source.contentHash.slice(0, 12)}"`,
      createdAtMs: shard.nowMs,
      updatedAtMs: shard.nowMs,
      text: 'one\nzwö',
      chunks: [
        { ordinal: 0, start: 0, end: 3, text: 'one', headings: [], truncated: false },
        { ordinal: 1, start: 4, end: 7, text: 'zwö', headings: [], truncated: false },
      ],
      vectors: [expect.any(Float32Array), expect.any(Float32Array)],
    })
    expect(shard.reads.latestSource('x')).toEqual({ source, etag: `"1-${source.contentHash.slice(0, 12)}"` })
  })

  it('has the language of most of its tokens where none was declared', async () => {
    const shard = new NodeShard()
    const source = { ...(await makeSource({ id: 'x', text: 'one\ntwo words and more' })), language: 'auto' }
    const chunks = makeChunks(source).map((chunk, index) => ({ ...chunk, language: index === 0 ? 'de' : 'fr' }))
    shard.writes.commit({ source, chunks, ticket: shard.ticket(source) }, CONTEXT)
    expect(shard.reads.document('x', { include: [] })?.language).toBe('fr')
    expect(shard.reads.latestSource('x')?.source.language).toBe('auto')
  })

  it('keeps its time of creation when it is replaced, and its longest texts whole', async () => {
    const shard = new NodeShard()
    const createdAtMs = shard.nowMs
    await shard.put({ id: 'x', text: 'short' })
    shard.nowMs += 5_000
    const text = 'ä😀'.repeat(1_250_000 / 3) + 'z'
    await shard.put({ id: 'x', text })
    const stored = shard.reads.document('x', { include: ['text'] })
    expect(stored?.text === text).toBe(true)
    expect(stored).toMatchObject({
      createdAtMs,
      updatedAtMs: shard.nowMs,
      bytes: new TextEncoder().encode(text).length,
    })
    await shard.put({ id: 'x', text: 'short again' })
    expect(shard.text('x')).toBe('short again')
    expect(shard.database.get('SELECT count(*) AS pieces FROM document_pieces')).toEqual({ pieces: 0 })
  })

  it('survives staging with the longest text', async () => {
    const shard = new NodeShard()
    const text = `文${'😀'.repeat(2_000)}\n`.repeat(500)
    await shard.stage('job_1', [{ id: 'x', text }])
    shard.restart()
    await shard.alarm.run()
    expect(shard.text('x') === text).toBe(true)
  })
})

describe('lists', () => {
  it('are in order of UTF-8 bytes, page by page, each document once', async () => {
    const shard = new NodeShard()
    const ids = ['b', 'a', 'é', '\u{ffff}', '😀', 'Z', '文', 'a#1', 'a b', '\u{e000}']
    for (const id of ids) await shard.put({ id, text: id })
    const seen: string[] = []
    for (;;) {
      const after = seen.at(-1)
      const page = shard.reads.list({ limit: 3, ...(after === undefined ? {} : { after }) })
      if (page.length === 0) break
      seen.push(...page.map(({ id }) => id))
    }
    expect(seen).toEqual([...ids].sort(compareUtf8))
  })

  it('show only what is visible, over many slices', async () => {
    const shard = new NodeShard()
    for (let i = 0; i < 500; i++) {
      await shard.put({
        id: `d${String(i).padStart(3, '0')}`,
        text: 'x',
        metadata: { team: i % 100 === 99 ? 'a' : 'b' },
      })
    }
    const options = { limit: 3, visibility: team('a') }
    expect(shard.reads.list(options).map(({ id }) => id)).toEqual(['d099', 'd199', 'd299'])
    expect(shard.reads.list({ ...options, after: 'd299' }).map(({ id }) => id)).toEqual(['d399', 'd499'])
    expect(shard.reads.document('d000', { include: [], visibility: team('a') })).toBeUndefined()
    expect(shard.reads.latestSource('d000', team('a'))).toBeUndefined()
  })
})

describe('totals', () => {
  it('count visible documents, their chunks, their bytes and their pending writes alone', async () => {
    const shard = new NodeShard()
    await shard.put({ id: 'x', text: 'one\ntwo', metadata: { team: 'a' } })
    await shard.put({ id: 'y', text: 'three', metadata: { team: 'b' } })
    await shard.put({ id: 'z', text: 'four', metadata: { team: 'a' } })
    await shard.stage('job_1', [
      { id: 'y', text: 'five', metadata: { team: 'a' } },
      { id: 'w', text: 'six', metadata: { team: 'b' } },
    ])
    expect(shard.reads.statistics()).toMatchObject({ documents: 3, chunks: 4, bytes: 16, pending: 2 })
    expect(shard.reads.statistics(team('a'))).toMatchObject({ documents: 2, chunks: 3, bytes: 11, pending: 1 })
    await shard.delete('x')
    expect(shard.reads.statistics(team('a'))).toMatchObject({ documents: 1, chunks: 1, bytes: 4, pending: 1 })
    expect(shard.reads.statistics(team('c'))).toMatchObject({ documents: 0, chunks: 0, bytes: 0, pending: 0 })
  })
})
