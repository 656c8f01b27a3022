/** `GET /v1/jobs/{id}/events`: a job as it goes on, as server-sent events. */
import { invalidField } from '../../core/problem.ts'
import { openJobEvents, type JobEvent } from '../../ingest/job-events.ts'
import { getJob } from '../../ingest/jobs.ts'
import { isSettled } from '../../catalog/records.ts'
import { requireAddress } from '../../tenancy/ip-ranges.ts'
import { mayReachCollection, requireActiveTenant } from '../../tenancy/principal.ts'
import type { Principal } from '../../tenancy/principal.ts'
import { requireAccess } from '../access.ts'
import type { AppDependencies } from '../dependencies.ts'
import { jobStores } from '../ingest-stores.ts'
import { linesStream } from '../lines-stream.ts'
import { defineRoute } from '../route.ts'
import type { Access } from '../route.ts'

/** Until who lost the stream opens it again. */
const RETRY_MS = 2_000
/** The id of the last event of all: whoever comes back with it has seen the end. */
const DONE = '.done'

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

const ACCESS: Access = { kind: 'key', anyOf: ['documents:read', 'documents:write'], secretOnly: true }

export const jobEventsRoute = defineRoute({
  method: 'get',
  path: '/v1/jobs/{id}/events',
  operationId: 'watchJob',
  tag: 'jobs',
  summary: 'Watch a job',
  description:
    'Server-sent events: `file` with a `JobFile` for each change of a file, `progress` and at the end `done` with `{id, status, progress, counts}`. The stream ends with the job, or after five minutes; a reader who opens it again with `Last-Event-ID` goes on where it ended. Who has seen `done` gets 204, which tells an `EventSource` to stop.',
  access: ACCESS,
  headers: { 'Last-Event-ID': 'The id of the last event that was seen.' },
  responses: {
    200: { description: 'The events, as they happen.', contentType: 'text/event-stream' },
    204: { description: 'The job is over, and `done` was seen.' },
  },
  async handle({ params, headers, principal }, dependencies) {
    const last = lastEvent(headers.get('last-event-id'))
    const stores = jobStores(dependencies)
    if (last.isDone && isSettled((await getJob(stores, principal, params.id, reachOf(principal))).status)) {
      return { status: 204 }
    }
    const events = await openJobEvents(stores, principal, params.id, reachOf, {
      after: last.revision,
      sleep,
      requireAccess: () => requireStillValid(headers, dependencies),
    })
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      stream: linesStream(eventTexts(events), (error) => {
        dependencies.report?.('job events', error)
        return 'event: error\ndata: {"code":"internal"}\n'
      }),
    }
  },
})

const reachOf =
  (principal: Principal) =>
  (collection: Parameters<typeof mayReachCollection>[1]): boolean =>
    mayReachCollection(principal, collection)

/**
 * A stream outlives what its credential may become: it ends as soon as any other request would be refused, and shows what
 * the credential may see now.
 */
async function requireStillValid(headers: Headers, { authenticator }: AppDependencies): Promise<Principal> {
  const principal = await authenticator.authenticate(headers, () => {})
  requireAddress(principal.ipRanges, headers.get('cf-connecting-ip'))
  requireActiveTenant(principal)
  requireAccess(ACCESS, principal)
  return principal
}

function lastEvent(id: string | null): { readonly revision: number; readonly isDone: boolean } {
  if (id === null || id === '') return { revision: 0, isDone: false }
  const [, revision, done] = /^(\d{1,15})(\.done)?$/.exec(id) ?? []
  if (revision === undefined) throw invalidField('', 'Last-Event-ID is not the id of an event of this stream')
  return { revision: Number(revision), isDone: done !== undefined }
}

async function* eventTexts(events: AsyncGenerator<JobEvent>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`
  for await (const event of events) yield eventText(event)
}

function eventText(event: JobEvent): string {
  if (event.type === 'heartbeat') return ':\n\n'
  const { type, revision } = event
  const id = type === 'done' ? `${revision}${DONE}` : `${revision}`
  return `event: ${type}\nid: ${id}\ndata: ${JSON.stringify(event.type === 'file' ? event.file : event.job)}\n\n`
}
