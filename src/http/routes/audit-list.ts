/** `GET /v1/audit`. */
import { listPage } from '../list-page.ts'
import { auditPageSchema, auditQuery } from '../schemas/audit.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'

const timeOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text))

export const listAudit = defineRoute({
  method: 'get',
  path: '/v1/audit',
  operationId: 'listAudit',
  tag: 'audit',
  summary: 'List the audit log',
  description:
    'Who did what, and which right credentials were refused: ids and digests, no text. Each line carries the hash of the line before it.',
  access: { kind: 'admin', operator: true },
  query: auditQuery,
  responses: { 200: { description: 'Newest first.', schema: auditPageSchema } },
  async handle({ query: { from, to, action, ...query }, principal }, { sealer, tenantObjects }) {
    const uid = principal.tenant?.uid
    const asked = defined({ fromMs: timeOf(from), toMs: timeOf(to), action })
    const object = await tenantObjects.of(uid)
    const body = await listPage(
      sealer,
      // A cursor goes on with what was asked for, and with nothing else.
      `audit/${uid ?? 'operator'}/${JSON.stringify(asked)}`,
      query,
      async ({ limit, after }) => {
        const page = { limit, ...asked, ...(after === undefined ? {} : { before: Number(after) }) }
        const { lines, nextBefore } = await object.listAudit(page)
        return { data: lines, ...(nextBefore === undefined ? {} : { nextAfter: String(nextBefore) }) }
      },
      (line) => line,
    )
    return { status: 200, body }
  },
})
