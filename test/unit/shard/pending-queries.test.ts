/** What is asked of pending work for each file of a tenant must not read all that is pending. */
import { describe, expect, it } from 'vitest'
import type { SqlDatabase } from '../../../src/core/sql-database.ts'
import { PendingStore } from '../../../src/shard/pending-store.ts'
import { NodeShard } from '../../support/node-shard.ts'
import { DIMENSIONS } from '../../support/shard-documents.ts'

const LONG = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n')

async function halfDone(): Promise<NodeShard> {
  const shard = new NodeShard()
  await shard.stage('job_a.1', [{ id: 'twice', text: 'one' }])
  await shard.stage('job_a.1', [
    { id: 'long', text: LONG },
    { id: 'twice', text: 'two' },
  ])
  await shard.stage('job_a.2', [{ id: 'twice', text: 'three' }])
  await shard.stage('job_b', [{ id: 'short', text: 'four' }])
  return shard
}

describe('pending work of one job', () => {
  it('is what a look through all of it finds, also where the job wrote a document twice', async () => {
    const { state } = await halfDone()
    const sequences = (rows: readonly { sequence: number }[]): number[] =>
      rows.map(({ sequence }) => sequence).toSorted((a, b) => a - b)
    for (const job of ['job_a.1', 'job_a.2', 'job_b', 'job_none']) {
      const all = state.pending.all().filter((row) => row.job === job)
      expect(sequences(state.pending.ofJob(job))).toEqual(sequences(all))
    }
    expect(state.pending.ofJob('job_a.1')).toHaveLength(3)
  })

  it('is found without reading that of the others', async () => {
    const shard = await halfDone()
    let calls = 0
    shard.whileEmbedding = () => {
      if (++calls === 2) shard.embedderFault = new Error('down')
    }
    await shard.alarm.run()
    const { database } = shard.state
    const plans: string[] = []
    const explaining: SqlDatabase = {
      run: () => undefined,
      transaction: () => undefined as never,
      all: (statement, ...parameters) => {
        const steps = database.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${statement}`, ...parameters)
        plans.push(steps.map(({ detail }) => detail).join('; '))
        return database.all(statement, ...parameters)
      },
      get: () => undefined,
    }
    const pending = new PendingStore(explaining, DIMENSIONS)
    expect(Object.fromEntries(pending.readyVectors())).toEqual({ 'job_a.1': 32 - 1 })
    pending.ofJob('job_a.1')
    expect(plans).toHaveLength(2)
    for (const plan of plans) expect(plan).not.toMatch(/SCAN pending(?:;|$)/)
  })
})
