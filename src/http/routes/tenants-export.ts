/** `GET /v1/tenants/{id}/export`: everything of a tenant, as a stream. */
import { z } from '@hono/zod-openapi'
import { asProblem, Problem } from '../../core/problem.ts'
import { exportTenant } from '../../ingest/export-tenant.ts'
import { named } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'
import { linesStream } from '../lines-stream.ts'

export const exportTenantRoute = defineRoute({
  method: 'get',
  path: '/v1/tenants/{id}/export',
  operationId: 'exportTenant',
  tag: 'tenants',
  summary: 'Export a tenant',
  description:
    'JSON lines: collections with their settings, documents with their text, metadata, chunks and vectors as stored, and at the end the number of each with a hash of the state. No keys, usage or audit log. Accepted writes that are still pending are left out. A line `{"type": "error"}` in place of the end means that the archive is not whole.',
  access: { kind: 'root' },
  audit: { action: 'tenant.export', subject: named('tenant') },
  query: z.strictObject({
    documents: z
      .enum(['true', 'false'])
      .optional()
      .openapi({ description: '`false` leaves the documents out and gives the state hash alone.', default: 'true' }),
  }),
  responses: { 200: { description: 'The archive, as it is read.', contentType: 'application/x-ndjson' } },
  async handle({ params, query }, dependencies) {
    const tenant = await dependencies.catalog.tenants.find(params.id)
    if (tenant === undefined) throw new Problem('not_found')
    const lines = exportTenant(dependencies, tenant, { documents: query.documents !== 'false' })
    return {
      status: 200,
      headers: {
        'content-type': 'application/x-ndjson',
        'content-disposition': `attachment; filename="${tenant.id}.jsonl"`,
      },
      stream: linesStream(lines, (error) => {
        dependencies.report?.('export', error)
        return JSON.stringify({ type: 'error', code: asProblem(error)?.code ?? 'internal' })
      }),
    }
  },
})
