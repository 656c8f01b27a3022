/**
 * One runtime on one state folder: two of them corrupt it. The lock is an exclusive transaction on a small SQLite file,
 * which the system releases however its holder ends; `run.json` names the processes, so that a start after `kill -9`
 * ends what was left alive, by id and only where it is proven ours.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { readIfThere, writeAtomically } from './files.ts'
import { StartError } from './options.ts'
import { carrying, end, isAlive, record } from './processes.ts'
import type { ProcessRecord } from './processes.ts'

/** The environment name under which the runtime carries this run's token: proof of whose child it is. */
export const RUN_TOKEN = 'NEARFIELD_RUN_TOKEN'

/** How long a start waits for one that is just ending; one that lives keeps the lock for longer. */
const PATIENCE_MS = 2_000

interface RunFile {
  readonly token: string
  readonly processes: readonly ProcessRecord[]
}

export interface RunLock {
  readonly token: string
  /** Names the runtime processes beside this one. */
  nameRuntime(runtimePids: readonly number[]): void
  release(): void
}

/** @throws StartError when another start is alive on this folder */
export async function takeRunLock(state: string): Promise<RunLock> {
  const path = join(state, 'run.json')
  const database = new DatabaseSync(join(state, 'lock.sqlite'))
  try {
    database.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`)
  } catch {
    database.close()
    throw new StartError(
      `Nearfield is already running on ${state}${holder(path)}. Stop it first, or use another --state.`,
    )
  }
  await endLeftovers(path)
  const token = randomUUID()
  const write = (runtimePids: readonly number[]): void => {
    const processes = [record('supervisor', process.pid), ...runtimePids.map((pid) => record('runtime', pid))]
    const file: RunFile = { token, processes: processes.filter((entry) => entry !== undefined) }
    writeAtomically(path, `${JSON.stringify(file, undefined, 2)}\n`)
  }
  write([])
  return {
    token,
    nameRuntime: write,
    release() {
      writeAtomically(path, `${JSON.stringify({ token, processes: [] } satisfies RunFile, undefined, 2)}\n`)
      database.close()
    },
  }
}

function readRunFile(path: string): RunFile | undefined {
  try {
    return JSON.parse(readIfThere(path) ?? 'null') ?? undefined
  } catch {
    return undefined
  }
}

function holder(path: string): string {
  const pid = readRunFile(path)?.processes.find(({ role }) => role === 'supervisor')?.pid
  return pid === undefined ? '' : ` (process ${pid})`
}

async function endLeftovers(path: string): Promise<void> {
  const run = readRunFile(path)
  if (run === undefined) return
  // We hold the lock, so the supervisor of that run is gone; whatever it started is not.
  const named = run.processes.filter((entry) => entry.role === 'runtime' && isAlive(entry))
  const leftovers = new Map([...named, ...carrying(RUN_TOKEN, run.token)].map((entry) => [entry.pid, entry]))
  for (const entry of leftovers.values()) {
    console.log(`Ending process ${entry.pid}, which an earlier run left behind.`)
    await end(entry)
  }
}
