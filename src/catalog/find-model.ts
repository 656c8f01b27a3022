/** A model by its name, to be shown: the product's names first, which no tenant can take for its own. */
import type { TenantUid } from '../core/ids.ts'
import type { ModelRules } from '../models/configure-model.ts'
import type { ModelProfile } from '../models/embedder.ts'
import type { Model } from '../models/model.ts'
import { findProductModel, isWorkersAiName } from '../models/product-models.ts'
import type { Models } from './models.ts'
import type { ModelRecord } from './records.ts'

export interface ModelStores {
  readonly catalog: { readonly models: Pick<Models, 'find'> }
  readonly modelRules: Pick<ModelRules, 'hasWorkersAi'>
}

/** `undefined` where neither the product nor the tenant has one, or the deployment cannot call it. */
export async function findModel(
  { catalog, modelRules }: ModelStores,
  tenantUid: TenantUid,
  name: string,
): Promise<(Model & { readonly profile?: ModelProfile }) | ModelRecord | undefined> {
  if (isWorkersAiName(name) && !modelRules.hasWorkersAi) return undefined
  return findProductModel(name) ?? (await catalog.models.find(tenantUid, name))
}
