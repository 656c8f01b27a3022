/**
 * A job as it goes on: one event for each change of a file, one for each change of the whole, one at the end. It looks again
 * and again, often while something happens and less often while nothing does.
 */
import { isSettled } from '../catalog/records.ts'
import { MAX_JOB_EVENTS_MS } from '../core/limits.ts'
import { asProblem } from '../core/problem.ts'
import type { Principal } from '../tenancy/principal.ts'
import { fileView, type FileItem } from './file-jobs.ts'
import type { FileView, JobView } from './job-view.ts'
import { findJob, getJob, type JobDependencies, type MayReach } from './jobs.ts'

/** Between two looks: at first, and at most. */
const FIRST_WAIT_MS = 250
const MAX_WAIT_MS = 2_000
/** A stream in which nothing happens says so this often, so that nobody on the way gives it up. */
const HEARTBEAT_MS = 15_000
const FILES_PER_LOOK = 100

export type JobState = Pick<JobView, 'id' | 'status' | 'progress' | 'counts'>

/** `revision` rises over the events of files; who has it goes on behind it. */
export type JobEvent =
  | { readonly type: 'file'; readonly revision: number; readonly file: FileView }
  | { readonly type: 'progress' | 'done'; readonly revision: number; readonly job: JobState }
  | { readonly type: 'heartbeat' }

export interface JobEventOptions {
  /** Only files that changed after this revision. */
  readonly after: number
  readonly sleep: (milliseconds: number) => Promise<void>
  /** Asked at every look: the caller as it is now. What it throws ends the events. */
  readonly requireAccess: () => Promise<Principal>
}

/** Which collections a credential reaches, with the rights that it has at the time. */
export type ReachOf = (principal: Principal) => MayReach

/** Ends with `done`, or after `MAX_JOB_EVENTS_MS`. @throws not_found before the first event */
export async function openJobEvents(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  reachOf: ReachOf,
  options: JobEventOptions,
): Promise<AsyncGenerator<JobEvent>> {
  await findJob(deps, principal, id, reachOf(principal))
  return jobEvents(deps, principal, id, reachOf, options)
}

async function* jobEvents(
  deps: JobDependencies,
  principal: Principal,
  id: string,
  reachOf: ReachOf,
  { after, sleep, requireAccess }: JobEventOptions,
): AsyncGenerator<JobEvent> {
  const startMs = deps.clock()
  let revision = after
  let said = ''
  let saidAtMs = startMs
  let waitMs = FIRST_WAIT_MS
  while (deps.clock() - startMs < MAX_JOB_EVENTS_MS) {
    const view = await look(deps, id, reachOf, requireAccess)
    // The credential was revoked, or the job is out of its reach now: nothing more is said.
    if (view === undefined) return
    const isQuiet = said === sayingOf(view)
    let hasChanged = false
    // What changes while it is read comes with the next look; at the end nothing changes any more.
    for await (const file of changedFiles(deps, view, principal, revision)) {
      revision = file.revision
      hasChanged = true
      yield { type: 'file', revision, file: fileView(file) }
    }
    if (!isQuiet) yield { type: 'progress', revision, job: stateOf(view) }
    said = sayingOf(view)
    if (isSettled(view.status)) {
      yield { type: 'done', revision, job: stateOf(view) }
      return
    }
    if (hasChanged || !isQuiet) {
      saidAtMs = deps.clock()
      waitMs = FIRST_WAIT_MS
    } else if (deps.clock() - saidAtMs >= HEARTBEAT_MS) {
      saidAtMs = deps.clock()
      yield { type: 'heartbeat' }
    }
    await sleep(waitMs)
    waitMs = Math.min(2 * waitMs, MAX_WAIT_MS)
  }
}

const stateOf = ({ id, status, progress, counts }: JobView): JobState => ({ id, status, progress, counts })

const sayingOf = (view: JobView): string => JSON.stringify(stateOf(view))

/** `undefined` where the caller may not know any more. */
async function look(
  deps: JobDependencies,
  id: string,
  reachOf: ReachOf,
  requireAccess: () => Promise<Principal>,
): Promise<JobView | undefined> {
  try {
    const principal = await requireAccess()
    return await getJob(deps, principal, id, reachOf(principal))
  } catch (error) {
    const code = asProblem(error)?.code
    if (code === undefined || code === 'overloaded') throw error
    return undefined
  }
}

async function* changedFiles(
  deps: JobDependencies,
  { id, kind }: JobView,
  { tenant }: Principal,
  after: number,
): AsyncGenerator<FileItem> {
  if (kind === 'documents' || tenant === undefined) return
  const files = await deps.files.of(tenant.uid)
  for (let behind = after; ;) {
    const page = await files.changedFiles(id, behind, FILES_PER_LOOK)
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < FILES_PER_LOOK) return
    behind = last.revision
  }
}
