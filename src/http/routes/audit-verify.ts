/** `GET /v1/audit/verify`. */
import { auditVerdictSchema } from '../schemas/audit.ts'
import { defineRoute } from '../route.ts'

export const verifyAudit = defineRoute({
  method: 'get',
  path: '/v1/audit/verify',
  operationId: 'verifyAudit',
  tag: 'audit',
  summary: 'Verify the audit log',
  description:
    'Hashes every line anew and holds the signed heads against them. Who does not trust this answer verifies the lines and the newest head elsewhere; docs/audit.md says how.',
  access: { kind: 'admin', operator: true },
  responses: { 200: { description: 'Whether the log is as it was written.', schema: auditVerdictSchema } },
  async handle({ principal }, { tenantObjects }) {
    const object = await tenantObjects.of(principal.tenant?.uid)
    const { firstBroken = null, signedHeads, ...verdict } = await object.verifyAudit()
    const { latest = null, ...heads } = signedHeads
    return { status: 200, body: { ...verdict, firstBroken, signedHeads: { ...heads, latest } } }
  },
})
