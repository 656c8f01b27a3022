/**
 * Whatever dies whenever: uploads, other writers, and kills of the files object at any call and any statement, in any
 * order. Afterwards the index holds what the last accepted uploads say, counts are exact, and nothing lies around.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cancelJob, retryJob } from '../../../src/files/job-actions.ts'
import { countedAs, type FileRow } from '../../../src/files/rows/file-row.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import { FileWorld, TENANT } from '../../support/file-world.ts'
import { writeZip } from '../../support/zip-writer.ts'

const OPTIONS = { documents: 'rows', mapping: { id: 'i', text: ['t'] } } as const

/** What a file says in a version, as documents by id; `undefined`: it cannot be read. */
type Meaning = Readonly<Record<string, string>> | undefined

interface Draft {
  readonly content: (version: number) => string | Uint8Array<ArrayBuffer>
  readonly meaning: (version: number) => Meaning
}

const rowsOf = (version: number): [string, string][] =>
  Array.from({ length: 1 + (version % 3) }, (_, i) => [`row${(version + i) % 4}`, `row ${i} of version ${version}`])
const entriesOf = (version: number): [string, string][] =>
  ['one.txt', 'two.txt', 'three.txt'].slice(version % 3).map((path) => [path, `${path} of version ${version}`])

const DRAFTS: Readonly<Record<string, Draft>> = {
  'a.txt': { content: (v) => `plain text ${v}`, meaning: (v) => ({ 'a.txt': `plain text ${v}` }) },
  'b.txt': { content: (v) => `other text ${v % 2}`, meaning: (v) => ({ 'b.txt': `other text ${v % 2}` }) },
  'rows.jsonl': {
    content: (v) =>
      rowsOf(v)
        .map(([i, t]) => JSON.stringify({ i, t }))
        .join('\n'),
    meaning: (v) => Object.fromEntries(rowsOf(v)),
  },
  'all.zip': {
    content: (v) => writeZip(entriesOf(v).map(([path, data]) => ({ path, data }))),
    meaning: (v) => Object.fromEntries(entriesOf(v).map(([path, text]) => [`all.zip/${path}`, text])),
  },
  'bad.png': { content: () => Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0), meaning: () => undefined },
}
const NAMES = Object.keys(DRAFTS)

type Step =
  | { readonly kind: 'upload'; readonly names: readonly string[]; readonly version: number; readonly until: number }
  | { readonly kind: 'kill'; readonly steps: number }
  | { readonly kind: 'alarm'; readonly times: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'cancel'; readonly job: number }
  | { readonly kind: 'retry'; readonly job: number }
  | { readonly kind: 'suspend'; readonly is: boolean }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('upload' as const),
      names: fc.subarray(NAMES, { minLength: 1 }),
      version: fc.nat(5),
      until: fc.oneof({ weight: 3, arbitrary: fc.constant(99) }, { weight: 1, arbitrary: fc.nat(6) }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('kill' as const), steps: fc.nat(400) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('alarm' as const), times: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(0, 1_000, 40_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('suspend' as const), is: fc.boolean() }) },
)

/** Jobs are called off and tried again as well: what is indexed is then not known, only that all of it adds up. */
const wildStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: step },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'retry' as const), job: fc.nat(5) }) },
)

/** Runs the steps; answers what the index must say, and which jobs were acknowledged. */
async function play(world: FileWorld, steps: readonly Step[]): Promise<{ index: Meaning; jobs: Set<string> }> {
  const meanings = new Map<string, Meaning>()
  const jobs = new Set<string>()
  for (const each of steps) {
    if (each.kind === 'kill') world.restart(each.steps)
    else if (each.kind === 'suspend') world.isSuspended = each.is
    else if (each.kind === 'advance') await world.advance(each.ms)
    else if (each.kind === 'cancel' || each.kind === 'retry') {
      world.restart()
      const jobId = [...jobs][each.job]
      if (jobId !== undefined) (each.kind === 'cancel' ? cancelJob : retryJob)(world.parts.store, jobId)
    } else if (each.kind === 'alarm') {
      for (let i = 0; i < each.times; i++) {
        if (world.isDead) world.restart()
        await world.alarm()
      }
    } else {
      // A request does not end the object that it calls: it lives on without kills while it is asked.
      world.restart()
      const { names, version, until } = each
      const files = Object.fromEntries(names.map((name) => [name, DRAFTS[name]?.content(version) ?? '']))
      const jobId = await world.upload(files, { options: OPTIONS, until })
      if (jobId === undefined) continue
      jobs.add(jobId)
      for (const name of names) {
        const meaning = DRAFTS[name]?.meaning(version)
        if (meaning !== undefined) meanings.set(name, meaning)
      }
    }
  }
  world.isSuspended = false
  return { index: Object.assign({}, ...meanings.values()) as Meaning, jobs }
}

/** As the control plane does it: the collection is found no more, then its shards and its files go. */
async function deleteCollection(world: FileWorld): Promise<void> {
  world.isCollectionGone = true
  const { store, uploads, sources } = world.parts
  const collectionId = world.collection.id
  store.database.transaction(() => {
    sources.collectionDeleted(collectionId)
    uploads.dropCollection(collectionId)
    store.removeCollection(collectionId)
  })
  await world.originals.deletePrefix(await originalPrefix(TENANT, collectionId))
}

/** Tables that may hold something of a collection. */
const TABLES = [
  'uploads',
  'upload_multiparts',
  'files',
  'file_documents',
  'file_jobs',
  'file_removals',
  'spent_originals',
]

function checkRest(world: FileWorld, jobs: ReadonlySet<string>): void {
  const files = world.database.all<FileRow & Record<string, never>>('SELECT * FROM files')
  expect(new Set(world.jobs.keys())).toEqual(jobs)
  for (const jobId of jobs) {
    const ofJob = files.filter(({ job_id }) => job_id === jobId)
    const counted = Map.groupBy(ofJob, ({ status }) => countedAs(status))
    const [succeeded, failed] = [counted.get('succeeded')?.length ?? 0, counted.get('failed')?.length ?? 0]
    const cancelled = counted.get('cancelled')?.length ?? 0
    expect(world.jobs.get(jobId)).toMatchObject({ total: ofJob.length, succeeded, failed, cancelled, isClosed: true })
    expect(succeeded + failed + cancelled).toBe(ofJob.length)
  }
  for (const { name, status, waiting, open_children } of files) {
    expect([name, waiting, open_children]).toEqual([name, 0, 0])
    expect(status === 'failed', `${name} is ${status}`).toBe(
      name === 'bad.png' && status !== 'superseded' && status !== 'cancelled',
    )
  }
  const kept = files.flatMap(({ original_key }) => original_key ?? [])
  expect([...world.originals.objects.keys()].toSorted()).toEqual(kept.toSorted())
  expect(world.database.all('SELECT * FROM uploads')).toEqual([])
  for (const shard of world.shards) expect(shard.state.pending.count).toBe(0)
}

describe('files through crashes', () => {
  it('are neither lost nor doubled, and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const world = new FileWorld()
        const { index, jobs } = await play(world, steps)
        world.restart()
        await world.settle()
        // Both sweeps of what nobody took over.
        for (let i = 0; i < 2; i++) {
          await world.advance(40_000)
          await world.settle()
        }
        expect(world.documents()).toEqual(index)
        checkRest(world, jobs)
      }),
      { numRuns: 60 },
    )
  })

  it('add up, also where jobs are called off and tried again', async () => {
    const said = new Set(
      [0, 1, 2, 3, 4, 5].flatMap((version) =>
        NAMES.flatMap((name) => Object.entries(DRAFTS[name]?.meaning(version) ?? {}).map((pair) => pair.join(': '))),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(wildStep, { minLength: 3, maxLength: 14 }), async (steps) => {
        const world = new FileWorld()
        const { jobs } = await play(world, steps)
        world.restart()
        await world.settle()
        for (let i = 0; i < 2; i++) {
          await world.advance(40_000)
          await world.settle()
        }
        checkRest(world, jobs)
        for (const pair of Object.entries(world.documents())) expect(said).toContain(pair.join(': '))
      }),
      { numRuns: 40 },
    )
  })

  it('go with their collection, whatever was under way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(wildStep, { minLength: 2, maxLength: 10 }),
        fc.array(step, { maxLength: 5 }),
        fc.nat(60),
        async (steps, later, ticks) => {
          const world = new FileWorld()
          await play(world, steps)
          world.restart()
          // The deletion comes while the alarm works on what there is.
          const working = world.alarm()
          for (let i = 0; i < ticks; i++) await Promise.resolve()
          await deleteCollection(world)
          await working
          for (const each of later) {
            if (world.isDead) world.restart()
            if (each.kind === 'kill') world.restart(each.steps)
            else await world.alarm()
          }
          world.restart()
          for (let i = 0; i < 3; i++) {
            await world.settle()
            await world.advance(40_000)
          }
          await world.settle()
          for (const table of TABLES) expect([table, world.database.all(`SELECT * FROM ${table}`)]).toEqual([table, []])
          expect([...world.originals.objects.keys()]).toEqual([])
        },
      ),
      { numRuns: 40 },
    )
  })
})
