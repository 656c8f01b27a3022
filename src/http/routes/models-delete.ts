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
    'Its key goes with it, and its file where it is of word vectors. While a collection is built with it, or is still being deleted, the answer is 409 `model_in_use`.',
  access: { kind: 'admin' },
  audit: { action: 'model.delete', subject: told },
  refusals: [409],
  responses: { 204: { description: 'Deleted.' } },
  async handle({ params, principal }, { catalog, originals, files }) {
    const { uid: tenantUid } = requireTenant(principal)
    const model = await catalog.models.find(tenantUid, params.id)
    if (model === undefined) throw new Problem('not_found')
    if (model.source.provider === 'word-vectors') {
      // Whatever happens between the row and the file.
      await (await files.of(tenantUid)).watchModelFile(tenantUid, model.uid)
    }
    const deleted = await catalog.models.delete(tenantUid, model.uid)
    if (deleted === undefined) throw new Problem('not_found')
    const { source } = deleted
    if (source.provider === 'word-vectors') await originals.delete([source.objectKey])
    return { status: 204, subject: { type: 'model', id: model.uid } }
  },
})
