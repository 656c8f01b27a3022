/**
 * `npm run soak:ingest`: thousands of files are ingested by a running product that is killed again and again, the runtime and its
 * supervisor in turn, at random points. Then every file must be there once, every count right, and the state that of an
 * ingest without a kill. Starts `npm start` on a state folder of its own and removes it. Exits 1 on any fault.
 *
 * Flags: --kills 200 · --files 5000 · --seed 1 · --embed-one-of 25 · --keep (the state folder)
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { IngestSoak, untilSwept } from '../test/support/ingest-soak.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    files: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    'embed-one-of': { type: 'string', default: '25' },
    keep: { type: 'boolean', default: false },
  },
})

const startedAt = Date.now()
const state = mkdtempSync(join(tmpdir(), 'nearfield-soak-'))
const soak = await IngestSoak.begin(
  {
    seed: Number(values.seed),
    files: Number(values.files),
    kills: Number(values.kills),
    embedOneOf: Number(values['embed-one-of']),
    filesPerUpload: 20,
    log: (line) => console.log(line),
  },
  state,
)
const faults = [...(await soak.run().catch((error: Error) => [`it ended early: ${error.message}`]))]
const originals = await untilSwept(state)
await soak.server.stop()
if (new Set(originals).size > 1) faults.push(`originals left by tenant: ${originals.join(' and ')}`)
if (!values.keep) rmSync(state, { recursive: true, force: true })
const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1)
console.log(
  `\n| files | kills | uploads sent more than once | originals | minutes | faults |\n| ---: | ---: | ---: | ---: | ---: | ---: |`,
)
console.log(
  `| ${values.files} | ${soak.kills} | ${soak.repeated} | ${originals.join(' = ')} | ${minutes} | ${faults.length} |`,
)
for (const fault of faults.slice(0, 50)) console.log(`\n${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
