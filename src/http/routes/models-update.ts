/** `PATCH /v1/models/{id}`: what may change without other vectors. */
import { Problem } from '../../core/problem.ts'
import { reconfigureModel } from '../../models/reconfigure-model.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { told } from '../audit-trail.ts'
import { modelConfiguration } from '../collection-model.ts'
import { defined } from '../../core/defined.ts'
import { defineRoute } from '../route.ts'
import { changedModelSchema, modelSchema, modelView, sourceInput } from '../schemas/model.ts'

export const updateModel = defineRoute({
  method: 'patch',
  path: '/v1/models/{id}',
  operationId: 'updateModel',
  tag: 'models',
  summary: "Change a model's key, address or fallbacks",
  description:
    'What the model is never changes, so that its vectors stay comparable. Holds for every search and write within 10 seconds.',
  access: { kind: 'admin' },
  audit: { action: 'model.update', subject: told },
  body: { schema: changedModelSchema, example: { apiKey: 'your-new-key' } },
  responses: { 200: { description: 'The model as it is now, without its key.', schema: modelSchema } },
  async handle({ params, body, principal }, dependencies) {
    const { models } = dependencies.catalog
    const { uid: tenantUid } = requireTenant(principal)
    const model = await models.find(tenantUid, params.id)
    if (model === undefined) throw new Problem('not_found')
    const { fallbacks, ...rest } = defined(body)
    const changes = { ...rest, ...(fallbacks === undefined ? {} : { fallbacks: fallbacks.map(sourceInput) }) }
    const owner = { tenantUid, modelUid: model.uid }
    const source = await reconfigureModel(modelConfiguration(dependencies), owner, model, changes, '')
    const changed = await models.updateSource(tenantUid, model.uid, model.source, source)
    if (changed === undefined) throw new Problem('not_found')
    return { status: 200, body: modelView(changed, principal), subject: { type: 'model', id: model.uid } }
  },
})
