/**
 * The ledger under random interleavings of everything that can happen, against a naive model that knows the truth: shards
 * whose logs are reported late, repeatedly and in parts; writers that crash; staged work; deletions; turns of the month.
 */
import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import type { CollectionId } from '../../../../src/core/ids.ts'
import type { TenantLimits } from '../../../../src/tenancy/tenant-limits.ts'
import { COLLECTIONS, TENANT } from '../../../support/ledger-subjects.ts'
import { LedgerWorld, SHARDS, type Size } from '../../../support/ledger-world.ts'

/** Tight, and seldom all at once: where one is used up, the others would never be tried. */
const limitsOf: fc.Arbitrary<TenantLimits> = fc.oneof(
  fc.record({ documents: fc.integer({ min: 2, max: 5 }) }),
  fc.record({ chunks: fc.integer({ min: 20, max: 60 }) }),
  fc.record({ storedBytes: fc.integer({ min: 1_000, max: 4_000 }) }),
  fc.record({ embeddingTokensPerMonth: fc.integer({ min: 300, max: 1_500 }) }),
  fc.record({
    dailyBudget: fc.record({ usd: fc.constantFrom(0.0002, 0.0005), whenSpent: fc.constant('reject' as const) }),
  }),
  fc.record({ documents: fc.constant(4), chunks: fc.constant(50), storedBytes: fc.constant(5_000) }),
)

type Step =
  | { readonly kind: 'reserve'; readonly shard: number; readonly document: number; readonly sizes: readonly Size[] }
  | { readonly kind: 'commit' | 'stage' | 'settle' | 'crash'; readonly write: number }
  | { readonly kind: 'apply' | 'fail' | 'delete'; readonly shard: number; readonly document: number }
  | { readonly kind: 'report'; readonly shard: number; readonly from: number; readonly upTo: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'alarm' | 'restart' }
  | { readonly kind: 'admit'; readonly model: number; readonly tokens: number }
  | { readonly kind: 'read'; readonly share: number }
  | { readonly kind: 'lose' | 'tellAgain' }
  | { readonly kind: 'erase'; readonly collection: number; readonly isConfirmed: boolean }

const shard = fc.nat(COLLECTIONS.length * SHARDS - 1)
const document = fc.nat(3)
const write = fc.nat(11)
const size = fc.record({ chunks: fc.nat(25), bytes: fc.nat(1_500), tokens: fc.nat(200) })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      shard,
      document,
      sizes: fc.array(size, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'stage' as const), write }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('settle' as const, 'crash' as const), write }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('apply' as const, 'fail' as const, 'delete' as const),
      shard,
      document,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('report' as const), shard, from: fc.nat(20), upTo: fc.nat(20) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(500, 20_000, 61_000, 100_000, 400_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('alarm' as const, 'restart' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('admit' as const), model: fc.nat(2), tokens: fc.nat(300) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('read' as const), share: fc.constantFrom(0, 0.5, 1) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('lose' as const, 'tellAgain' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('erase' as const),
      collection: fc.constant(1),
      isConfirmed: fc.boolean(),
    }),
  },
)

async function run(world: LedgerWorld, next: Step): Promise<void> {
  switch (next.kind) {
    case 'reserve': {
      const target = world.shards[next.shard]
      const drafts = next.sizes.map((size, index): [string, Size] => [
        `${next.shard}/${(next.document + index) % 5}`,
        size,
      ])
      if (target !== undefined) await world.reserve(target, drafts)
      return
    }
    case 'commit':
    case 'stage': {
      const chosen = world.writes[next.write % world.writes.length]
      if (chosen !== undefined) world.commit(chosen, next.kind === 'stage')
      return
    }
    case 'settle':
    case 'crash': {
      const chosen = world.writes[next.write % world.writes.length]
      if (chosen !== undefined) world[next.kind](chosen)
      return
    }
    case 'apply':
    case 'fail':
    case 'delete': {
      const target = world.shards[next.shard]
      const name = `${next.shard}/${next.document}`
      if (target === undefined) return
      if (next.kind === 'delete') world.delete(target, name)
      else world.finishStaged(target, name, next.kind === 'apply')
      return
    }
    case 'report': {
      const target = world.shards[next.shard]
      if (target === undefined || target.isGone) return
      const known = world.ledger.applyChanges({ tenantUid: TENANT, ...target.ref, after: 0, changes: [] }, world.nowMs)
      world.report(target, Math.min(next.from, known), Math.min(known, next.from) + next.upTo)
      return
    }
    case 'wait':
      world.nowMs += next.ms
      return
    case 'alarm':
      if ((world.ledger.nextDueMs() ?? Infinity) <= world.nowMs) await world.ledger.run(world.nowMs)
      return
    case 'admit':
      world.reads.admit(next.model, next.tokens)
      return
    case 'read':
      world.reads.read(next.share)
      return
    case 'lose':
    case 'tellAgain':
      world.reads[next.kind]()
      return
    case 'restart':
      world.open()
      return
    case 'erase': {
      const collectionId = COLLECTIONS[next.collection] as CollectionId
      const mine = world.shards.filter((other) => other.ref.collectionId === collectionId)
      if (mine.some(({ isGone }) => isGone)) return
      world.ledger.deletionPlanned(collectionId, world.nowMs)
      world.writes = world.writes.filter((other) => !mine.includes(other.shard))
      if (next.isConfirmed) world.ledger.collectionDeleted(collectionId, world.nowMs)
      // A shard tells all before it empties itself; where the deletion is known already, that is late, and counts as usage.
      for (const gone of mine) {
        await world.flush(gone)
        gone.isGone = true
      }
    }
  }
}

describe('the ledger', () => {
  it('is never exceeded, counts every entry once and drains, whatever happens in whatever order', async () => {
    await fc.assert(
      fc.asyncProperty(
        limitsOf,
        fc.array(step, { minLength: 60, maxLength: 250, size: 'max' }),
        async (limits, steps) => {
          const world = new LedgerWorld(limits)
          for (const next of steps) {
            await run(world, next)
            world.check()
          }
          await world.checkAtRest()
          world.database.close()
        },
      ),
      { numRuns: 200 },
    )
  }, 120_000)
})
