/** Sources on the wire: what a crawl or a part of the inbox is asked to be, and how it is. */
import { z } from '@hono/zod-openapi'
import type { CollectionRecord } from '../../catalog/records.ts'
import { rfc3339 } from '../../core/clock.ts'
import type { JobId } from '../../core/ids.ts'
import {
  DEFAULT_CRAWL_PAGES,
  MAX_CRAWL_DEPTH,
  MAX_CRAWL_PAGES,
  MAX_CRAWL_PATTERN_LENGTH,
  MAX_CRAWL_PATTERNS,
} from '../../core/limits.ts'
import type { CurrentRun, EndedRun, NewSource, SourceRecord, StartedSource } from '../../sources/source.ts'
import {
  crawlUrlFault,
  normalisedAddress,
  patternFault,
  prefixFault,
  scheduleFault,
} from '../../sources/source-faults.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import type { Principal } from '../../tenancy/principal.ts'
import { defined } from '../../core/defined.ts'
import type { Reply, RouteAudit } from '../route.ts'
import { pageOf, time } from './fields.ts'

const judged = (fault: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = fault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const address = judged(crawlUrlFault)

const patterns = z
  .array(
    judged(patternFault).refine(
      ({ length }) => length <= MAX_CRAWL_PATTERN_LENGTH,
      `must have at most ${MAX_CRAWL_PATTERN_LENGTH} characters`,
    ),
  )
  .max(MAX_CRAWL_PATTERNS)

const schedule = judged(scheduleFault).openapi({
  description: 'Five fields of cron in UTC, of which the first is one minute: it runs at most once an hour.',
  example: '15 3 * * *',
})

export const crawlSchema = z
  .strictObject({
    url: address
      .optional()
      .openapi({ format: 'uri', description: 'The page to begin with, whose links are followed. http or https.' }),
    sitemap: address
      .optional()
      .openapi({ format: 'uri', description: 'Instead: a sitemap, or an index of some, whose pages are read.' }),
    include: patterns.optional().openapi({
      description:
        'Pages to take: `/docs/**` by path, `https://docs.example/**` on a host that then belongs to the crawl as well. `*` stands for anything but a slash, `**` for anything.',
      example: ['/docs/**'],
    }),
    exclude: patterns.optional().openapi({ description: 'Pages to leave alone.' }),
    maxPages: z.int().min(1).max(MAX_CRAWL_PAGES).default(DEFAULT_CRAWL_PAGES),
    maxDepth: z
      .int()
      .min(0)
      .max(MAX_CRAWL_DEPTH)
      .optional()
      .openapi({ description: 'Links between the first page and the last ones.' }),
    respectRobots: z.boolean().default(true),
    schedule: schedule.optional(),
  })
  .refine(({ url, sitemap }) => (url === undefined) !== (sitemap === undefined), 'must have one of url and sitemap')
  .openapi('Crawl')

export const createSourceSchema = z
  .strictObject({
    kind: z.literal('bucket'),
    prefix: judged(prefixFault).openapi({
      description:
        'Below your own part of the inbox, which begins with the id of the tenant and a slash. `""` for all of it.',
      example: 'manuals/',
    }),
    schedule: schedule.optional(),
  })
  .openapi('CreateSource')

const counts = {
  taken: z.int().openapi({ description: 'Files that were new or changed.' }),
  unchanged: z.int(),
  failed: z.int(),
  removed: z.int().openapi({ description: 'Files whose documents were deleted, because they are no longer there.' }),
}

const runSchema = z.object({ job: z.object({ id: z.string() }), startedAt: time, ...counts })

export const sourceSchema = z
  .object({
    id: z.string().openapi({ example: 'src_x7Qm2LsV0aZp91Rt' }),
    collection: z.string(),
    kind: z.enum(['crawl', 'bucket']),
    url: z.string().optional(),
    sitemap: z.string().optional(),
    include: z.array(z.string()).optional(),
    exclude: z.array(z.string()).optional(),
    maxPages: z.int().optional(),
    maxDepth: z.int().nullable().optional(),
    respectRobots: z.boolean().optional(),
    prefix: z.string().optional().openapi({ description: 'Of a bucket source, below the part of the tenant.' }),
    schedule: z.string().nullable(),
    nextRunAt: time.nullable(),
    run: runSchema.nullable().openapi({ description: 'Under way.' }),
    lastRun: runSchema
      .extend({
        endedAt: time,
        gap: z.enum(['cancelled', 'limit', 'unreachable', 'suspended']).nullable().openapi({
          description:
            'Why it did not see everything, so that nothing was removed for not being seen: `limit`: there is more than it may take; `unreachable`: something did not answer.',
        }),
      })
      .nullable(),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Source')

export const sourcePageSchema = pageOf(sourceSchema, 'SourcePage')

export const startedSourceSchema = z
  .object({
    job: z.object({ id: z.string().openapi({ example: 'job_x7Qm2LsV0aZp91Rt' }) }),
    source: z.object({ id: z.string().openapi({ example: 'src_x7Qm2LsV0aZp91Rt' }) }),
  })
  .openapi('StartedSource')

/** Who makes a source, and what it feeds. */
export function sourceOwner(
  principal: Principal,
  collection: CollectionRecord,
): Pick<NewSource, 'tenantUid' | 'collectionId' | 'keyId'> {
  return { tenantUid: requireTenant(principal).uid, collectionId: collection.id, keyId: principal.keyId }
}

/** What the body of a crawl asks for. */
export function crawlOf(body: z.output<typeof crawlSchema>): Pick<NewSource, 'settings' | 'schedule'> {
  const { url, sitemap, include = [], exclude = [], maxPages, maxDepth, respectRobots, schedule: cron } = body
  const from = sitemap === undefined ? ('page' as const) : ('sitemap' as const)
  const begin = normalisedAddress(sitemap ?? url ?? '')
  const settings = { kind: 'crawl' as const, from, address: begin, include, exclude, maxPages, respectRobots }
  return defined({ settings: { ...settings, ...defined({ maxDepth }) }, schedule: cron })
}

export function startedReply({ sourceId, jobId }: StartedSource): Reply {
  return {
    status: 202,
    headers: { location: `/v1/jobs/${jobId}` },
    body: { job: { id: jobId satisfies JobId }, source: { id: sourceId } },
  }
}

/** The audit log's subject is the source, which the answer names. */
export const startedSource: NonNullable<RouteAudit['subject']> = (_, reply) => {
  const source = (reply?.body as z.output<typeof startedSourceSchema> | undefined)?.source
  return source && { type: 'source', id: source.id }
}

const runView = ({ jobId, startedAtMs, taken, unchanged, failed, removed }: CurrentRun): z.input<typeof runSchema> => ({
  job: { id: jobId },
  startedAt: rfc3339(startedAtMs),
  taken,
  unchanged,
  failed,
  removed,
})

const endedView = (run: EndedRun): NonNullable<z.input<typeof sourceSchema>['lastRun']> => ({
  ...runView(run),
  endedAt: rfc3339(run.endedAtMs),
  gap: run.gap ?? null,
})

export function sourceView(source: SourceRecord, collection: CollectionRecord): z.input<typeof sourceSchema> {
  const { id, settings, schedule: cron, nextRunAtMs, run, lastRun, createdAtMs, updatedAtMs } = source
  return {
    id,
    collection: collection.name,
    kind: settings.kind,
    ...settingsView(settings),
    schedule: cron ?? null,
    nextRunAt: nextRunAtMs === undefined ? null : rfc3339(nextRunAtMs),
    run: run === undefined ? null : runView(run),
    lastRun: lastRun === undefined ? null : endedView(lastRun),
    createdAt: rfc3339(createdAtMs),
    updatedAt: rfc3339(updatedAtMs),
  }
}

function settingsView(settings: SourceRecord['settings']): Partial<z.input<typeof sourceSchema>> {
  if (settings.kind === 'bucket') return { prefix: settings.prefix }
  const { from, address: begin, include, exclude, maxPages, maxDepth, respectRobots } = settings
  return {
    ...(from === 'page' ? { url: begin } : { sitemap: begin }),
    include: [...include],
    exclude: [...exclude],
    maxPages,
    maxDepth: maxDepth ?? null,
    respectRobots,
  }
}
