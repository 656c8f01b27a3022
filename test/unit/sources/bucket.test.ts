/** What a bucket source takes of the inbox, and that it never sees the part of another tenant. */
import { describe, expect, it } from 'vitest'
import { COLLECTION, SourceWorld, START_MS } from '../../support/source-world.ts'

const BUCKET = { kind: 'bucket', root: 'acme/', prefix: 'docs/' } as const

function put(world: SourceWorld, key: string, text: string): void {
  const bytes = new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>
  world.inbox.set(key, { etag: `${key}-${text}`, bytes })
}

async function synced(
  keys: readonly string[],
): Promise<{ world: SourceWorld; id: string; again: () => Promise<void> }> {
  const world = new SourceWorld()
  for (const key of keys) put(world, key, 'words')
  const { sourceId: id } = await world.save(BUCKET)
  await world.pass()
  let runs = 0
  return {
    world,
    id,
    async again() {
      await world.sources.start(COLLECTION, id, String(++runs).padStart(16, 'x'))
      await world.pass()
    },
  }
}

describe('a bucket source', () => {
  it('takes what lies below its prefix in the part of its tenant, and nothing else', async () => {
    const { world } = await synced([
      'acme/docs/a.md',
      'acme/docs/b/c.pdf',
      'acme/docs/',
      'acme/docs/folder/',
      'acme/other.md',
      'acme2/docs/x.md',
      'acme/docsx/y.md',
      'docs/z.md',
      'rival/docs/a.md',
    ])
    expect(world.documents).toEqual(['a.md', 'b/c.pdf'])
  })

  it('takes the whole part of its tenant where it has no prefix', async () => {
    const world = new SourceWorld()
    for (const key of ['acme/a', 'acme/b/c', 'acme2/d', 'acm/e', 'acme']) put(world, key, 'words')
    await world.save({ ...BUCKET, prefix: '' })
    await world.pass()
    expect(world.documents).toEqual(['a', 'b/c'])
  })

  it('takes only what has changed, and removes what has vanished', async () => {
    const { world, id, again } = await synced(['acme/docs/a', 'acme/docs/b', 'acme/docs/c'])
    put(world, 'acme/docs/a', 'other words')
    world.inbox.delete('acme/docs/b')
    put(world, 'acme/docs/d', 'words')
    await again()
    expect(world.source(id).lastRun).toMatchObject({ taken: 2, unchanged: 1, removed: 1, failed: 0 })
    expect(world.documents).toEqual(['a', 'c', 'd'])
  })

  it('sees all of a bucket of many pages', async () => {
    const { world, id, again } = await synced(Array.from({ length: 1_203 }, (_, i) => `acme/docs/${i}`))
    expect(world.documents).toHaveLength(1_203)
    for (let i = 0; i < 1_100; i++) world.inbox.delete(`acme/docs/${i}`)
    await again()
    expect(world.documents).toHaveLength(103)
    expect(world.source(id).lastRun).toMatchObject({ removed: 1_100, unchanged: 103 })
  })

  it('takes an object again whose document is gone', async () => {
    const { world, again } = await synced(['acme/docs/a'])
    world.database.run('DELETE FROM played_documents')
    await again()
    expect(world.documents).toEqual(['a'])
  })

  it('names what cannot be a file, and keeps what it had', async () => {
    const { world, id } = await synced([
      'acme/docs/a',
      `acme/docs/${'x'.repeat(401)}`,
      'acme/docs/b\u0000',
      'acme/docs/..',
    ])
    expect(world.documents).toEqual(['a'])
    expect(world.source(id).lastRun).toMatchObject({ taken: 1, failed: 3 })
    expect(Object.values(world.failures())).toEqual(Array.from({ length: 3 }, () => 'its key is no name of a document'))
  })

  it('leaves an object alone that is too large', async () => {
    const { world, id, again } = await synced(['acme/docs/a'])
    const bytes = { byteLength: 100_000_001 } as Uint8Array<ArrayBuffer>
    world.inbox.set('acme/docs/a', { etag: 'x', bytes })
    await again()
    expect(world.source(id).lastRun).toMatchObject({ failed: 1, removed: 0 })
    expect(world.documents).toEqual(['a'])
  })

  it('removes nothing where an object cannot be read, and says so', async () => {
    const { world, id, again } = await synced(['acme/docs/a', 'acme/docs/b'])
    world.inbox.delete('acme/docs/b')
    world.inbox.set('acme/docs/a', {
      etag: 'x',
      get bytes(): Uint8Array<ArrayBuffer> {
        throw new Error('the bucket is down')
      },
    })
    await again().catch(() => undefined)
    expect(world.reported.length).toBeGreaterThan(0)
    expect(world.documents).toEqual(['a', 'b'])
    expect(world.source(id).run ?? world.source(id).lastRun).toMatchObject({ removed: 0 })
  })

  it('passes over an object that goes while it is taken', async () => {
    const { world, id } = await synced([])
    put(world, 'acme/docs/a', 'words')
    const object = world.inbox.get('acme/docs/a')
    let looks = 0
    // The listing looks once, and then it is gone.
    world.inbox.get = () => (++looks === 1 ? object : undefined)
    await world.sources.start(COLLECTION, id, 'y'.repeat(16))
    await world.pass()
    expect(world.documents).toEqual([])
    expect(world.source(id).lastRun).toMatchObject({ taken: 0, failed: 0 })
  })

  it('looks again when the bucket tells of changes, but not for each of them', async () => {
    const { world, id } = await synced(['acme/docs/a'])
    put(world, 'acme/docs/b', 'words')
    for (let i = 0; i < 5; i++) world.sources.inboxChanged()
    await world.pass(START_MS + 29_000)
    expect(world.documents).toEqual(['a'])
    await world.pass(START_MS + 31_000)
    expect(world.documents).toEqual(['a', 'b'])
    expect(world.source(id)).not.toHaveProperty('nextRunAtMs')
    await world.pass(START_MS + 3_600_000)
    world.sources.inboxChanged()
    world.inbox.delete('acme/docs/a')
    await world.pass(START_MS + 3_603_000)
    expect(world.documents).toEqual(['b'])
  })
})
