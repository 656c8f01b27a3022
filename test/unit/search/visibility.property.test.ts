/**
 * Who sees what, over the real parts of shards: wherever documents are found, counted, read or changed, a reader meets
 * exactly those that a naive reading of key filter, token filter and acl gives, and never more than the key itself.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/core/canonical-json.ts'
import type { TenantUid } from '../../../src/core/ids.ts'
import { asProblem } from '../../../src/core/problem.ts'
import { answer } from '../../../src/answer/answer.ts'
import { deleteDocument, deleteDocuments } from '../../../src/ingest/delete-documents.ts'
import { patchDocument } from '../../../src/ingest/patch-document.ts'
import { collectionStatistics, listDocuments, readDocument } from '../../../src/ingest/read-documents.ts'
import { matches } from '../../../src/metadata/evaluate-filter.ts'
import { parseFilter } from '../../../src/metadata/parse-filter.ts'
import { search } from '../../../src/search/search.ts'
import type { SearchRequest } from '../../../src/search/search-request.ts'
import { visibleTo, type Principal } from '../../../src/tenancy/principal.ts'
import { narrowPrincipal } from '../../../src/tenancy/token.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { KEY, World } from '../../support/shard-world.ts'

const SEED = 20_261_122
const PEOPLE = ['user:1', 'user:2', 'group:a', 'group:b', 'Ü', '*']
const TEAMS = ['red', 'blue', 'green']

interface Entry {
  readonly id: string
  readonly text: string
  readonly metadata: { readonly team: string; readonly level: number; readonly tags: string[] }
  readonly acl?: string[]
}

/** A filter and, written beside it by hand, what it means. */
interface Rule {
  readonly json: JsonObject
  readonly admits: (entry: Entry) => boolean
}

interface Reader {
  readonly principal: Principal
  /** What the contract says, from the rules and not from the principal. */
  readonly sees: (entry: Entry) => boolean
  /** What its key alone sees. */
  readonly keySees: (entry: Entry) => boolean
}

class Draw {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  number(below: number): number {
    return Math.floor(this.#random() * below)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.number(items.length)]!
  }

  some<T>(items: readonly T[], chance: number): T[] {
    return items.filter(() => this.#random() < chance)
  }

  entry(index: number): Entry {
    const metadata = { team: this.pick(TEAMS), level: this.number(4), tags: this.some(['x', 'y', 'z'], 0.4) }
    const acl = this.number(5) < 3 ? this.some(PEOPLE, 0.3) : []
    return { id: `d${index}`, text: `tide number ${index}`, metadata, ...(acl.length > 0 ? { acl } : {}) }
  }

  rule(depth = 2): Rule {
    const kind = this.number(depth > 0 ? 7 : 4)
    const level = this.number(4)
    const team = this.pick(TEAMS)
    const tag = this.pick(['x', 'y', 'z'])
    if (kind === 0) return { json: { team }, admits: ({ metadata }) => metadata.team === team }
    if (kind === 1) return { json: { level: { $gte: level } }, admits: ({ metadata }) => metadata.level >= level }
    if (kind === 2) return { json: { tags: tag }, admits: ({ metadata }) => metadata.tags.includes(tag) }
    if (kind === 3) return { json: {}, admits: () => true }
    const [a, b] = [this.rule(depth - 1), this.rule(depth - 1)]
    if (kind === 4) return { json: { $not: a.json }, admits: (entry) => !a.admits(entry) }
    if (kind === 5) return { json: { $or: [a.json, b.json] }, admits: (entry) => a.admits(entry) || b.admits(entry) }
    return { json: { $and: [a.json, b.json] }, admits: (entry) => a.admits(entry) && b.admits(entry) }
  }

  /** A key with or without a filter: mostly a token of it, sometimes a public key or the secret key itself. */
  reader(): Reader {
    const ofKey = this.number(2) === 0 ? undefined : this.rule()
    const ofToken = this.number(2) === 0 ? undefined : this.rule()
    const principals = this.number(4) === 0 ? undefined : this.some(PEOPLE, 0.4)
    const key: Principal = {
      kind: 'secret',
      keyId: 'key1',
      tenant: { id: 'acme', uid: 'ten_acme' as TenantUid, suspended: false, limits: {} },
      scopes: new Set(['search', 'answer', 'documents:read', 'documents:write']),
      ...(ofKey === undefined ? {} : { filter: parseFilter(ofKey.json) }),
    }
    const keySees = (entry: Entry): boolean => ofKey === undefined || ofKey.admits(entry)
    const kind = this.number(8)
    if (kind === 0) return { principal: key, sees: keySees, keySees }
    if (kind === 1) {
      const sees = (entry: Entry): boolean => keySees(entry) && entry.acl === undefined
      return { principal: { ...key, kind: 'public', filter: visibleTo([], key.filter) }, sees, keySees }
    }
    const principal = narrowPrincipal(key, {
      iat: 0,
      exp: 1,
      scopes: ['search', 'answer', 'documents:read', 'documents:write'],
      ...(ofToken === undefined ? {} : { filter: ofToken.json }),
      ...(principals === undefined ? {} : { principals }),
    })
    const sees = (entry: Entry): boolean => {
      if (!keySees(entry) || ofToken?.admits(entry) === false) return false
      if (entry.acl === undefined) return true
      for (const name of principals ?? []) if (entry.acl.includes(name)) return true
      return false
    }
    return { principal, sees, keySees }
  }
}

const idsOf = (entries: readonly Entry[]): string[] => entries.map(({ id }) => id).sort()

function facetOf(entries: readonly Entry[], field: 'team' | 'tags'): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { metadata } of entries) {
    for (const value of [metadata[field]].flat()) counts[value] = (counts[value] ?? 0) + 1
  }
  return counts
}

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'done'
  } catch (error) {
    return asProblem(error)?.code ?? String(error)
  }
}

async function listed(world: World, { principal }: Reader): Promise<string[]> {
  const ids: string[] = []
  let cursor: string | undefined
  do {
    const page = await listDocuments(world.ingesting, world.collection, principal, {
      limit: 7,
      ...(cursor === undefined ? {} : { cursor }),
    })
    ids.push(...page.data.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return ids.sort()
}

describe('the visibility mask', () => {
  it('equals a naive reading for 20,000 random documents, filters and principals', () => {
    const draw = new Draw(SEED)
    let seen = 0
    for (let round = 0; round < 20_000; round++) {
      const entry = draw.entry(round)
      const { principal, sees, keySees } = draw.reader()
      const isSeen = principal.filter === undefined || matches(principal.filter, entry)
      expect(isSeen).toBe(sees(entry))
      if (isSeen) seen++
      if (isSeen) expect(keySees(entry)).toBe(true)
    }
    expect(seen).toBeGreaterThan(4_000)
    expect(seen).toBeLessThan(16_000)
  })
})

describe('over real shards', () => {
  const draw = new Draw(SEED + 1)
  const worlds: { world: World; entries: Entry[] }[] = []

  beforeAll(async () => {
    for (const shards of [1, 3]) {
      const world = new World(shards)
      const entries = Array.from({ length: 36 }, (_, index) => draw.entry(index))
      await world.put(entries)
      worlds.push({ world, entries })
    }
  })

  it('hits, facets, totals, lists, statistics and single documents are those of the mask, and part of what the key sees', async () => {
    let decisions = 0
    for (const { world, entries } of worlds) {
      for (let round = 0; round < 300; round++) {
        const reader = draw.reader()
        const { principal, sees } = reader
        const visible = entries.filter(sees)
        expect(idsOf(visible.filter(reader.keySees))).toEqual(idsOf(visible))
        const asked = draw.rule()
        const found = visible.filter(asked.admits)
        const mode = draw.pick(['keyword', 'hybrid', 'vector'] as const)
        const request: SearchRequest = {
          query: 'tide',
          mode,
          limit: principal.kind === 'public' ? 50 : 100,
          filter: asked.json,
          facets: ['team', 'tags'],
          ...(draw.number(2) === 0 ? { groupBy: 'document' } : {}),
          ...(draw.number(3) === 0 ? { feedback: true } : {}),
          // Facets and totals are then counted over the hits that are left.
          ...(mode === 'keyword' && draw.number(2) === 0 ? { minScore: 0 } : {}),
        }
        const result = await search(world.searching, [world.collection], principal, request)
        expect(result.hits.map(({ documentId }) => documentId).sort()).toEqual(idsOf(found))
        expect(result.estimatedTotal).toBe(found.length)
        for (const field of ['team', 'tags'] as const) {
          const facet = Object.fromEntries(result.facets![field]!.map(({ value, count }) => [value, count]))
          expect(facet).toEqual(facetOf(found, field))
        }
        expect(result.hits.every((hit) => (hit.scores === undefined) === (principal.kind !== 'secret'))).toBe(true)
        expect(await listed(world, reader)).toEqual(idsOf(visible))
        expect((await collectionStatistics(world.ingesting, world.collection, principal)).documents).toBe(
          visible.length,
        )
        const one = draw.pick(entries)
        const read = readDocument(world.ingesting, world.collection, principal, one.id, [])
        if (sees(one)) {
          const { document } = await read
          expect(document.acl).toEqual(principal.kind === 'secret' ? one.acl : undefined)
        } else expect(await codeOf(read)).toBe('not_found')
        decisions += entries.length
      }
    }
    expect(decisions).toBeGreaterThan(10_000)
  }, 120_000)

  it('an answer quotes nothing else', async () => {
    for (const { world, entries } of worlds) {
      for (let round = 0; round < 20; round++) {
        const { principal, sees } = draw.reader()
        const visible = new Set(idsOf(entries.filter(sees)))
        const said = await answer(world.searching, world.collection, principal, { question: 'Which tide number?' })
        for (const { documentId } of [...said.hits, ...said.citations]) expect(visible.has(documentId)).toBe(true)
      }
    }
  })

  it('a cursor opens for no other mask', async () => {
    const { world } = worlds[0]!
    const reader = (...principals: string[]): Principal =>
      narrowPrincipal({ ...KEY, scopes: new Set(['search']) }, { iat: 0, exp: 1, scopes: ['search'], principals })
    const request: SearchRequest = { query: 'tide', limit: 2 }
    const ask = (principal: Principal, cursor?: string) =>
      search(world.searching, [world.collection], principal, {
        ...request,
        ...(cursor === undefined ? {} : { cursor }),
      })
    const { nextCursor } = await ask(reader('user:1', 'user:2'))
    expect(await codeOf(ask(reader('user:2', 'user:1'), nextCursor!))).toBe('done')
    for (const other of [reader('user:1'), reader(), { ...KEY, scopes: new Set(['search']) } as Principal]) {
      expect(await codeOf(ask(other, nextCursor!))).toBe('cursor_mismatch')
    }
  })

  it('changes and deletions reach what the mask shows, and leave the rest as it was', async () => {
    for (let round = 0; round < 40; round++) {
      const world = new World(1 + (round % 2))
      const entries = Array.from({ length: 8 }, (_, index) => draw.entry(index))
      await world.put(entries)
      const { principal, sees } = draw.reader()
      const { ingesting, collection } = world
      const one = draw.pick(entries)
      expect(await codeOf(patchDocument(ingesting, collection, principal, one.id, { title: 'T' }))).toBe(
        sees(one) ? 'done' : 'not_found',
      )
      const { document } = await readDocument(ingesting, collection, KEY, one.id, [])
      expect([document.acl, document.title]).toEqual([one.acl, sees(one) ? 'T' : null])

      const victim = draw.pick(entries)
      expect(await codeOf(deleteDocument(ingesting, collection, principal, victim.id))).toBe(
        sees(victim) ? 'done' : 'not_found',
      )
      let left = entries.filter((entry) => entry !== victim || !sees(entry))
      const asked = draw.rule()
      const byRule = (entry: Entry): boolean => sees(entry) && asked.admits(entry)
      const byFilter = await deleteDocuments(ingesting, collection, principal, { filter: parseFilter(asked.json) })
      expect(byFilter.deleted).toBe(left.filter(byRule).length)
      left = left.filter((entry) => !byRule(entry))
      const byIds = await deleteDocuments(ingesting, collection, principal, { ids: idsOf(entries) })
      expect(byIds.deleted).toBe(left.filter(sees).length)
      left = left.filter((entry) => !sees(entry))
      const { data } = await listDocuments(ingesting, collection, KEY, {})
      expect(data.map(({ id }) => id)).toEqual(idsOf(left))
    }
  })
})

describe('a write with a token', () => {
  const token = narrowPrincipal(
    { ...KEY, scopes: new Set(['documents:write']), filter: parseFilter({ team: 'red' }) },
    { iat: 0, exp: 1, scopes: ['documents:write'], filter: { level: 1 }, principals: ['user:1'] },
  )
  const put = async (world: World, id: string, metadata: JsonObject, text = 'new') => {
    const [outcome] = await world.put([{ id, text, metadata }], token)
    return outcome
  }

  it('stays within both filters, before and after', async () => {
    const world = new World(1)
    await world.put([
      { id: 'red', text: 'old', metadata: { team: 'red', level: 1 } },
      { id: 'blue', text: 'old', metadata: { team: 'blue', level: 1 } },
      { id: 'high', text: 'old', metadata: { team: 'red', level: 3 } },
    ])
    expect(await put(world, 'red', { team: 'red', level: 1 })).toEqual(['red', 'replaced', 2])
    expect(await put(world, 'fresh', { team: 'red', level: 1 })).toEqual(['fresh', 'created', 1])
    for (const id of ['blue', 'high']) {
      expect(await put(world, id, { team: 'red', level: 1 })).toEqual([id, 'failed', 0])
    }
    expect(await put(world, 'red', { team: 'blue', level: 1 })).toEqual(['red', 'failed', 0])
    expect(await put(world, 'other', { team: 'red', level: 2 })).toEqual(['other', 'failed', 0])
  })

  it('never drops an acl, whether it sees the document or not, and keeps it when it patches', async () => {
    const world = new World(1)
    const metadata = { team: 'red', level: 1 }
    await world.put([
      { id: 'mine', text: 'old', metadata, acl: ['user:1'] },
      { id: 'theirs', text: 'old', metadata, acl: ['user:2'] },
    ])
    for (const id of ['mine', 'theirs']) expect(await put(world, id, metadata)).toEqual([id, 'failed', 0])
    const patch = (id: string) => codeOf(patchDocument(world.ingesting, world.collection, token, id, { title: 'T' }))
    expect([await patch('mine'), await patch('theirs')]).toEqual(['done', 'not_found'])
    const { document } = await readDocument(world.ingesting, world.collection, KEY, 'mine', [])
    expect(document).toMatchObject({ title: 'T', acl: ['user:1'] })
  })

  it('follows a change of the acl at once', async () => {
    const world = new World(1)
    await world.put([{ id: 'x', text: 'old', metadata: { team: 'red', level: 1 } }])
    const read = () => codeOf(readDocument(world.ingesting, world.collection, token, 'x', []))
    const setAcl = (acl: string[] | null) => patchDocument(world.ingesting, world.collection, KEY, 'x', { acl })
    expect(await read()).toBe('done')
    await setAcl(['user:2'])
    expect(await read()).toBe('not_found')
    await setAcl(['user:2', 'user:1'])
    expect(await read()).toBe('done')
    await setAcl(null)
    expect(await read()).toBe('done')
    const { document } = await readDocument(world.ingesting, world.collection, KEY, 'x', [])
    expect(document).not.toHaveProperty('acl')
  })
})
