/**
 * The shard against a plain map, over random sequences of writes, deletions, jobs, cancellations, failing embedders,
 * evictions, failing statements and restarts. The model knows the rule of order and nothing of how the shard keeps it:
 * every accepted write has a sequence number, and a document is what its highest applied number says. A write that is
 * sent again while it is under way is the same version.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../../src/core/problem.ts'
import type { SourceDocument, Ticket, WriteContext } from '../../../src/shard/shard-api.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { combined, type HeldTicket, IDS, Model, NOTHING, type Sizes, sizesOf, sum } from '../../support/shard-model.ts'
import { CONTEXT, makeChunks, makeSource } from '../../support/shard-documents.ts'

const WORDS = ['ash', 'birch', 'cedar']
const STAFF_WORD = 'cedar'
const PAUSE = async (): Promise<void> => undefined

/** `isMetered`: the tenant has limits, so writes reserve what they add. */
type World = { readonly shard: NodeShard; readonly model: Model; readonly isMetered: boolean }
type Command = (world: World) => Promise<void>

/** Words make documents of different sizes, and one of them makes documents that only staff may see. */
async function sourceOf(id: string, word: string): Promise<SourceDocument> {
  const text = `${word}\nabout ${id}${'\nmore'.repeat(2 * WORDS.indexOf(word))}`
  return makeSource({ id, text, metadata: { word }, ...(word === STAFF_WORD ? { acl: ['staff'] } : {}) })
}

/** A token that may see what everyone may see. */
const TOKEN: Partial<WriteContext> = { filter: { kind: 'acl', principals: [] }, mayWriteAcl: false }

const contextOf = ({ shard, isMetered }: World): WriteContext =>
  isMetered ? { ...CONTEXT, allowance: { kind: 'reserved', id: 'res', expiresAtMs: shard.nowMs } } : CONTEXT

/** Begins, checks what begin answers, and notes the ticket. */
async function begin(
  world: World,
  id: string,
  word: string,
  rights: Partial<WriteContext> = {},
): Promise<HeldTicket | undefined> {
  const { shard, model } = world
  const source = await sourceOf(id, word)
  const begun = shard.begin(source, { context: { ...contextOf(world), ...rights } })
  const document = model.of(id)
  const versions = [source, document.applied?.source, document.pending.at(-1)?.source]
  if (rights === TOKEN && versions.some((version) => version?.acl !== undefined)) {
    expect(begun).toEqual({ status: 'refused', code: 'outside_filter' })
    return undefined
  }
  const inFlight = model.tickets.filter((held) => held.source.id === id && !held.isStale)
  const done = document.applied?.version ?? document.deleted?.version ?? 0
  const underWay = [...document.pending, ...inFlight.map((held) => ({ ...held, version: held.ticket.version }))]
  const last = Math.max(done, ...underWay.map(({ version }) => version))
  if (document.applied?.version === last && document.applied.source.contentHash === source.contentHash) {
    expect(begun).toMatchObject({ status: 'unchanged', version: document.applied?.version })
    return undefined
  }
  if (begun.status !== 'accepted') throw new Error(`not accepted: ${begun.status}`)
  const latest = underWay.filter(({ version }) => version === last && version > done)
  const isSame = latest.some((write) => write.source.contentHash === source.contentHash)
  expect(latest.every((write) => (write.source.contentHash === source.contentHash) === isSame)).toBe(true)
  expect(begun.ticket.version).toBe(isSame ? last : last + 1)
  const replaced = model.latest(id)
  expect(begun.current?.chunks).toBe(replaced && sizesOf(replaced.source).chunks)
  return hold(world, source, begun.ticket)
}

/** Notes a ticket with what its write adds to the version that it was begun upon. */
function hold({ model, isMetered }: World, source: SourceDocument, ticket: Ticket): HeldTicket {
  const replaced = model.latest(source.id)
  const growth = combined(sizesOf(source), replaced ? sizesOf(replaced.source) : NOTHING, (a, b) => Math.max(0, a - b))
  const held = { source, ticket, reserved: isMetered ? growth : NOTHING, isStale: false }
  model.reserved = sum([model.reserved, held.reserved])
  model.tickets.push(held)
  return held
}

async function commit(world: World, index: number): Promise<void> {
  const { shard, model, isMetered } = world
  const [held] = model.tickets.splice(index, 1)
  if (held === undefined) return
  const { source, ticket, reserved, isStale } = held
  const result = shard.writes.commit({ source, chunks: makeChunks(source), ticket, reserved }, contextOf(world))
  if (model.isApplied(source, ticket.version)) {
    expect(result).toMatchObject({ status: ticket.version === 1 ? 'created' : 'replaced', version: ticket.version })
    return
  }
  if (isStale || (isMetered && model.isShort(held))) {
    expect(result).toEqual({ status: 'retry' })
    return
  }
  const status = model.apply(source.id, { sequence: ticket.sequence, version: ticket.version, source })
  expect(result).toMatchObject({ status, version: ticket.version })
}

const commands = {
  begin:
    (id: string, word: string): Command =>
    async (world) =>
      void (await begin(world, id, word)),
  commit:
    (index: number): Command =>
    async (world) =>
      commit(world, index % Math.max(1, world.model.tickets.length)),
  put:
    (id: string, word: string): Command =>
    async (world) => {
      if ((await begin(world, id, word)) !== undefined) await commit(world, world.model.tickets.length - 1)
    },
  tokenPut:
    (id: string, word: string): Command =>
    async (world) => {
      if ((await begin(world, id, word, TOKEN)) !== undefined) await commit(world, world.model.tickets.length - 1)
    },
  /** Changes one field of the latest accepted version, guarded by its tag. */
  patch:
    (id: string, word: string): Command =>
    async (world) => {
      const { shard, model } = world
      const latest = shard.reads.latestSource(id)
      expect(latest?.source.contentHash).toBe(model.latest(id)?.source.contentHash)
      if (latest === undefined) return
      const begun = shard.begin(await sourceOf(id, word), { ifMatch: latest.etag })
      expect(begun.status).not.toBe('refused')
      if (begun.status !== 'accepted') return
      hold(world, await sourceOf(id, word), begun.ticket)
      await commit(world, model.tickets.length - 1)
    },
  stage:
    (entries: readonly (readonly [string, string])[]): Command =>
    async (world) => {
      const { shard, model } = world
      const job = `job_${model.jobCount++}`
      model.jobs.set(job, new Map())
      const documents = []
      for (const [id, word] of new Map(entries)) {
        const held = await begin(world, id, word)
        if (held === undefined) continue
        const { source, ticket, reserved } = held
        model.tickets.pop()
        documents.push({ source, chunks: makeChunks(source, () => false), ticket, reserved })
      }
      const request = { jobId: job, documents, settled: [] }
      expect(shard.writes.stage(request, contextOf(world))).toEqual({ status: 'staged' })
      for (const { source, ticket } of documents) {
        model.of(source.id).pending.push({ sequence: ticket.sequence, version: ticket.version, source, job })
        model.of(source.id).pending.sort((a, b) => a.sequence - b.sequence)
        model.settle(job, source.id, 'queued')
      }
    },
  delete:
    (id: string): Command =>
    async (world) =>
      deleteAndCheck(world, [id], { ids: [id] }),
  deleteByWord:
    (word: string): Command =>
    async (world) => {
      const ids = IDS.filter((id) => world.model.latest(id)?.source.metadata['word'] === word)
      const filter = { kind: 'compare', path: ['word'], operator: '$eq', operand: word } as const
      await deleteAndCheck(world, ids, { filter })
    },
  cancel:
    (index: number): Command =>
    async ({ shard, model }) => {
      const job = `job_${index}`
      shard.writes.cancelJob(job)
      for (const [id, document] of model.documents) {
        for (const version of document.pending) if (version.job === job) model.settle(job, id, 'cancelled')
        document.pending = document.pending.filter((version) => version.job !== job)
      }
    },
  alarm:
    (): Command =>
    async ({ shard, model }) => {
      shard.nowMs += 600_000
      for (const held of model.tickets) held.isStale = true
      await shard.alarm.run()
      model.drain()
    },
  failingAlarm:
    (): Command =>
    async ({ shard, model }) => {
      const waiting = [...model.documents.values()].flatMap(({ pending }) => pending)
      shard.embedderFault = new Problem('upstream_failed')
      await shard.alarm.run()
      shard.embedderFault = undefined
      expect(shard.reads.statistics().pending).toBeLessThanOrEqual(waiting.length)
      // Documents whose vectors were all known needed no embedder; the rest stays. The model catches up by draining.
      shard.nowMs += 600_000
      for (const held of model.tickets) held.isStale = true
      await shard.alarm.run()
      model.drain()
    },
  evict:
    (): Command =>
    async ({ shard }) =>
      shard.state.evict(),
  restart:
    (): Command =>
    async ({ shard, model }) => {
      shard.restart()
      for (const held of model.tickets) held.isStale = true
    },
  /** A commit that fails at some statement: it happened whole or not at all; a kill starts the object anew. */
  fail:
    (id: string, word: string, statement: number, isKill: boolean): Command =>
    async (world) => {
      const { shard, model } = world
      const held = await begin(world, id, word)
      if (held === undefined) return
      model.tickets.pop()
      const { source, ticket, reserved } = held
      shard.failAfter(statement)
      let isDone = false
      try {
        const document = { source, chunks: makeChunks(source), ticket, reserved }
        isDone = shard.writes.commit(document, contextOf(world)).status !== 'retry'
      } catch {
        isDone = false
      }
      shard.failAfter(Infinity)
      if (isKill) {
        shard.restart()
        for (const other of model.tickets) other.isStale = true
      }
      if (isDone && !model.isApplied(source, ticket.version))
        model.apply(id, { sequence: ticket.sequence, version: ticket.version, source })
    },
}

async function deleteAndCheck(
  { shard, model }: World,
  ids: readonly string[],
  selection: Parameters<NodeShard['writes']['delete']>[0],
): Promise<void> {
  const there = ids.filter((id) => model.latest(id) !== undefined)
  const sequence = shard.state.tickets.nextSequence
  expect(await shard.writes.delete(selection, CONTEXT, PAUSE)).toMatchObject({ deleted: there.length })
  for (const [index, id] of there.entries()) {
    const document = model.of(id)
    const inFlight = model.tickets.filter((held) => held.source.id === id && !held.isStale)
    const version = Math.max(
      model.latest(id)?.version ?? 0,
      document.applied?.version ?? 0,
      ...inFlight.map(({ ticket }) => ticket.version),
    )
    document.deleted = { sequence: sequence + index, version }
    model.supersede(id, Infinity)
    document.applied = undefined
  }
}

/** Everything that the shard shows equals the model, in rows, in indexes and in figures. */
function check({ shard, model }: World): void {
  const applied = IDS.flatMap((id) => model.of(id).applied ?? [])
  expect(shard.reads.list({ limit: 10 }).map(({ id, version }) => [id, version])).toEqual(
    applied.map(({ source, version }) => [source.id, version]),
  )
  for (const { source } of applied) expect(shard.text(source.id)).toBe(source.text)
  for (const word of WORDS) {
    const expected = applied.filter(({ source }) => source.metadata['word'] === word).map(({ source }) => source.id)
    expect(shard.find(word)).toEqual(expected)
    const filter = { kind: 'compare', path: ['word'], operator: '$eq', operand: word } as const
    expect(shard.state.metadata.matching(filter)).toHaveLength(expected.length)
  }
  const pending = [...model.documents.values()].reduce((sum, document) => sum + document.pending.length, 0)
  const stored = sum(applied.map(({ source }) => sizesOf(source)))
  const { chunks, storedBytes: bytes } = stored
  const open = applied.filter(({ source }) => source.acl === undefined)
  expect(shard.state.metadata.matching({ kind: 'acl', principals: [] })).toHaveLength(open.length)
  expect(shard.state.metadata.matching({ kind: 'acl', principals: ['staff'] })).toHaveLength(applied.length)
  expect(shard.reads.statistics()).toMatchObject({ documents: applied.length, chunks, bytes, pending })
  expect([shard.state.vectors.count, shard.state.keywords.count]).toEqual([chunks, chunks])
  for (const [job, items] of model.jobs) {
    for (const [id, status] of items) expect([job, id, shard.state.jobs.find(job, id)]).toEqual([job, id, status])
  }
  expect(
    shard.database.get(
      `SELECT coalesce(sum(documents), 0) AS documents, coalesce(sum(chunks), 0) AS chunks,
         coalesce(sum(bytes), 0) AS storedBytes FROM change_log`,
    ),
  ).toEqual(stored)
  expect(heldIn(shard, 'change_log')).toEqual(heldIn(shard, 'pending'))
  expect(shard.database.get('SELECT count(*) AS n FROM pending_pieces')).toEqual({ n: pending })
}

/** The amounts of a table's column `held`, added up. */
function heldIn({ database }: NodeShard, table: 'change_log' | 'pending'): Sizes {
  const rows = database.all<{ held: string }>(`SELECT held FROM ${table} WHERE held IS NOT NULL`)
  return sum(rows.map(({ held }) => ({ ...NOTHING, ...(JSON.parse(held) as Partial<Sizes>) })))
}

/** What the tenant's object would count as used: stored, held by pending work, and reserved by writes under way. */
function used({ shard, model }: World): Sizes {
  const { documents, chunks, bytes } = shard.reads.statistics()
  const stored = { documents, chunks, storedBytes: bytes }
  return sum([stored, heldIn(shard, 'pending'), ...model.tickets.map(({ reserved }) => reserved)])
}

/** Nothing but a reservation may raise what is used, so a quota that was judged then is never exceeded later. */
async function neverExceeding(world: World, command: Command): Promise<void> {
  const allowed = combined(used(world), world.model.reserved, (a, b) => a - b)
  await command(world)
  const after = combined(used(world), world.model.reserved, (a, b) => a - b)
  if (!world.isMetered) return
  const excess = combined(after, allowed, (a, b) => Math.max(0, a - b))
  expect(excess).toEqual(NOTHING)
}

const id = fc.constantFrom(...IDS)
const word = fc.constantFrom(...WORDS)
const command = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), id, word) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('tokenPut' as const), id, word) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('begin' as const), id, word) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('commit' as const), fc.nat(4)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('patch' as const), id, word) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('stage' as const), fc.array(fc.tuple(id, word), { minLength: 1, maxLength: 3 })),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), id) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('deleteByWord' as const), word) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('cancel' as const), fc.nat(3)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('alarm' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('failingAlarm' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('evict' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('restart' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('fail' as const), id, word, fc.nat(40), fc.boolean()) },
)

/** Of one document alone, so that its writes overtake one another and its pending ones wait in line. */
const commandOfOne = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('begin' as const), fc.constant('a'), word) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('commit' as const), fc.nat(3)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('stage' as const), fc.tuple(fc.tuple(fc.constant('a'), word))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('cancel' as const), fc.nat(3)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('alarm' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('delete' as const), fc.constant('a')) },
)

type Step = readonly [keyof typeof commands, ...unknown[]]

async function runAll(world: World, steps: readonly Step[]): Promise<void> {
  for (const [name, ...parameters] of steps) {
    await neverExceeding(world, (commands[name] as (...all: unknown[]) => Command)(...parameters))
    check(world)
  }
  world.shard.restart()
  world.shard.nowMs += 600_000
  await neverExceeding(world, commands.alarm())
  check(world)
}

describe('a shard', () => {
  it('is what the accepted writes say, whatever happens in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), fc.boolean(), async (steps, isMetered) =>
        runAll({ shard: new NodeShard(), model: new Model(), isMetered }, steps),
      ),
      { seed: 20_261_122, numRuns: 300 },
    )
  })

  it('never stores more than was reserved, in whatever order the writes of a document end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(commandOfOne, { minLength: 4, maxLength: 16 }), async (steps) =>
        runAll({ shard: new NodeShard(), model: new Model(), isMetered: true }, steps),
      ),
      { seed: 20_261_122, numRuns: 300 },
    )
  })
})
