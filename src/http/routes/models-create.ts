/** `POST /v1/models`. */
import { newModelUid } from '../../core/ids.ts'
import { MAX_MODELS } from '../../core/limits.ts'
import { configureModel } from '../../models/configure-model.ts'
import { findKnownModel } from '../../models/known-models.ts'
import { modelNameOf } from '../../models/remote-profile.ts'
import { requireTenant } from '../../tenancy/principal.ts'
import { told } from '../audit-trail.ts'
import { modelConfiguration } from '../collection-model.ts'
import { defineRoute } from '../route.ts'
import { modelInput, modelSchema, modelView, newModelSchema } from '../schemas/model.ts'

export const createModel = defineRoute({
  method: 'post',
  path: '/v1/models',
  operationId: 'createModel',
  tag: 'models',
  summary: "Name a provider's model",
  description: `For collections, reranking and answers, by its \`id\`. What is not known of the model must be said. Nothing is called. A tenant has at most ${MAX_MODELS}; one more is 403 \`quota_exceeded\`.`,
  access: { kind: 'admin' },
  audit: { action: 'model.create', subject: told },
  body: {
    schema: newModelSchema,
    example: {
      id: 'our-embeddings',
      provider: 'openai-compatible',
      model: 'text-embedding-3-small',
      baseUrl: 'https://api.openai.com/v1',
      dimensions: 512,
      apiKey: 'your-key',
    },
  },
  responses: {
    201: { description: 'The model, without its key.', schema: modelSchema, headers: { Location: 'Where it is.' } },
  },
  async handle({ body, principal, operationId }, dependencies) {
    const { id, task: asked, ...described } = body
    const { uid: tenantUid } = requireTenant(principal)
    const input = modelInput(described)
    const task = asked ?? findKnownModel(modelNameOf(input))?.task ?? 'embed'
    const uid = newModelUid(operationId)
    const configured = await configureModel(
      modelConfiguration(dependencies),
      { tenantUid, modelUid: uid },
      task,
      input,
      '',
    )
    const model = await dependencies.catalog.models.create({ uid, tenantUid, name: id, task, ...configured })
    return {
      status: 201,
      headers: { location: `/v1/models/${id}` },
      body: modelView(model, principal),
      subject: { type: 'model', id: uid },
    }
  },
})
