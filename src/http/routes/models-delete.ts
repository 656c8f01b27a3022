/** `DELETE /v1/models/{id}`. */
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { told } from '../audit-trail.ts'
import { defineRoute } from '../route.ts'

export const deleteModel = defineRoute({
  method: 'delete',
  path: '/v1/models/{id}',
  operationId: 'deleteModel',
  tag: 'models',
  summary: 'Delete a model',
  description:
    'Its key goes with it. While a collection is built with it, or is still being deleted, the answer is 409 `model_in_use`.',
  access: { kind: 'admin' },
  audit: { action: 'model.delete', subject: told },
  responses: { 204: { description: 'Deleted.' } },
  async handle({ params, principal }, { catalog }) {
    const { uid: tenantUid } = requireTenant(principal)
    const model = await catalog.models.find(tenantUid, params.id)
    if (model === undefined) throw new Problem('not_found')
    if ((await catalog.models.delete(tenantUid, model.uid)) === undefined) throw new Problem('not_found')
    return { status: 204, subject: { type: 'model', id: model.uid } }
  },
})
