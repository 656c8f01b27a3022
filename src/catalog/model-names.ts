/** From the name that a request gives a model to the model: one of the product, or one that the tenant brings. */
import type { TenantUid } from '../core/ids.ts'
import { invalidField } from '../core/problem.ts'
import { NO_WORKERS_AI, type ModelRules } from '../models/configure-model.ts'
import type { EmbeddingModel, Model, ModelTask } from '../models/model.ts'
import { findProductModel } from '../models/product-models.ts'
import type { Models } from './models.ts'

export interface ModelNames {
  /**
   * @param pointer where the name stands in the request, for refusals
   * @throws invalid_request where it names nothing, or a model of another task; not_supported where the deployment cannot call it
   */
  find<Task extends ModelTask>(
    tenantUid: TenantUid,
    name: string,
    task: Task,
    pointer: string,
  ): Promise<Task extends 'embed' ? EmbeddingModel : Model>
}

const TASKS: Readonly<Record<ModelTask, string>> = { embed: 'embeds', rerank: 'reranks', generate: 'writes' }

export function modelNames(
  models: Pick<Models, 'find'>,
  { hasWorkersAi }: Pick<ModelRules, 'hasWorkersAi'>,
): ModelNames {
  return {
    async find(tenantUid, name, task, pointer) {
      const model = findProductModel(name) ?? (await models.find(tenantUid, name))
      if (model === undefined) throw invalidField(pointer, 'names no model')
      if (model.task !== task) throw invalidField(pointer, `must name a model that ${TASKS[task]}`)
      const { source } = model
      const isByBinding = source.provider === 'workers-ai' && source.accountId === undefined
      if (isByBinding && !hasWorkersAi) throw invalidField(pointer, NO_WORKERS_AI, 'not_supported')
      // A row of a model that embeds has its profile.
      return model as EmbeddingModel
    },
  }
}
