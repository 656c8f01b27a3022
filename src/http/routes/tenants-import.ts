/** `POST /v1/tenants/{id}/import`: puts a part of an archive in place. */
import { z } from '@hono/zod-openapi'
import { MAX_ARCHIVE_PART_BYTES } from '../../core/limits.ts'
import { Problem } from '../../core/problem.ts'
import { importArchive, type ArchivePart } from '../../ingest/import-archive.ts'
import { archivePartSchema } from '../schemas/archive.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { parseWith } from '../schema-faults.ts'

export const importTenantRoute = defineRoute({
  method: 'post',
  path: '/v1/tenants/{id}/import',
  operationId: 'importTenant',
  tag: 'tenants',
  summary: 'Import a part of an archive',
  description:
    'Lines of an export, without their `type`: collections are made unless they are there already, made the same way; documents are put in place with their versions, times, chunks and vectors. Parts may be repeated. A collection or document that is there and differs is 409. `npm run nearfield -- import` sends a whole archive.',
  access: { kind: 'root' },
  audit: { action: 'tenant.import', subject: named('tenant') },
  body: {
    schema: archivePartSchema,
    // JSON holds no `undefined`: a member that is optional is there or is not.
    parse: (value) => ({ collections: [], documents: [], ...parseWith(archivePartSchema, value) }) as ArchivePart,
    maxBytes: MAX_ARCHIVE_PART_BYTES,
    example: {
      collections: [
        {
          name: 'handbook',
          language: 'auto',
          settings: {},
          profileId: 'edge-en',
          dimensions: 384,
          chunking: { strategy: 'recursive', size: 200, overlap: 20 },
          shards: 1,
          precision: 'int8',
        },
      ],
    },
  },
  responses: {
    200: {
      description: 'How much of this part is in place.',
      schema: z.object({ collections: z.number().int(), documents: z.number().int() }).openapi('ImportResult'),
    },
  },
  async handle({ params, body }, dependencies) {
    const tenant = await dependencies.catalog.tenants.find(params.id)
    if (tenant === undefined) throw new Problem('not_found')
    return { status: 200, body: await importArchive(dependencies, tenant.uid, body) }
  },
})
