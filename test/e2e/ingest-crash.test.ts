/**
 * `kill -9` at random points of an ingest of files, of the runtime and its supervisor in turn: no file is lost, none doubled,
 * and the state ends as without a kill. `npm run soak:ingest` does the same for longer.
 */
import { afterEach, expect, inject, it } from 'vitest'
import { IngestSoak, untilSwept } from '../support/ingest-soak.ts'
import { copyState } from '../support/local-server.ts'

const KILLS = Number(process.env['NEARFIELD_INGEST_KILLS'] ?? 5)
const FILES_A_KILL = 34

let soak: IngestSoak | undefined
afterEach(() => soak?.server.stop())

it(
  `ends as an undisturbed ingest does after ${KILLS} kills`,
  async () => {
    const state = copyState(inject('preparedState'))
    const plan = { seed: 7, kills: KILLS, files: KILLS * FILES_A_KILL, embedOneOf: 9, filesPerUpload: 8, log: () => {} }
    soak = await IngestSoak.begin(plan, state)
    expect(await soak.run()).toEqual([])
    expect(await untilSwept(state)).toEqual([plan.files, plan.files])
  },
  120_000 + KILLS * 30_000,
)
