/** `GET /v1/models/{id}`. */
import { findModel } from '../../catalog/find-model.ts'
import { Problem } from '../../core/problem.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { defineRoute } from '../route.ts'
import { modelSchema, modelView } from '../schemas/model.ts'

export const getModel = defineRoute({
  method: 'get',
  path: '/v1/models/{id}',
  operationId: 'getModel',
  tag: 'models',
  summary: 'Get a model',
  description: 'The id is percent-encoded: `%40cf%2Fbaai%2Fbge-m3`.',
  access: { kind: 'key', anyOf: ['search', 'collections', 'documents:read', 'admin'], secretOnly: true },
  responses: { 200: { description: 'The model, without its key.', schema: modelSchema } },
  async handle({ params, principal }, dependencies) {
    const model = await findModel(dependencies, requireTenant(principal).uid, params.id)
    if (model === undefined) throw new Problem('not_found')
    return { status: 200, body: modelView(model, principal) }
  },
})
