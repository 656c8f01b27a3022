/** What a new collection is built with: a model by its name, or one of its own that the request describes. */
import type { NewCollection } from '../catalog/collections.ts'
import type { ModelChoice } from '../catalog/records.ts'
import { base64url, utf8 } from '../core/bytes.ts'
import { newModelUid, type TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { configureModel, type ModelConfiguration } from '../models/configure-model.ts'
import type { EmbeddingModel } from '../models/model.ts'
import { namedVectors, namedVectorsModel } from '../models/named-vectors.ts'
import { defaultModel, productModel, productSource } from '../models/product-models.ts'
import type { AppDependencies } from './dependencies.ts'
import type { CreatedModel } from './schemas/collection.ts'
import { modelInput } from './schemas/model.ts'

export interface BuiltWith {
  readonly model: EmbeddingModel
  /** Absent: the request named it. */
  readonly modelChoice?: ModelChoice
  /** The tenant's name for it. */
  readonly modelName?: string
  readonly ownModel?: NonNullable<NewCollection['ownModel']>
}

type Dependencies = Pick<AppDependencies, 'modelNames' | 'modelRules' | 'sealer'>

/** What models are configured with here. */
export const modelConfiguration = ({
  modelRules,
  sealer,
}: Pick<AppDependencies, 'modelRules' | 'sealer'>): ModelConfiguration => ({
  ...modelRules,
  seal: async (plain, context) => base64url(await sealer.seal(utf8(plain), context)),
})

/** @throws invalid_request, not_supported, at `/model` and below */
export async function collectionModel(
  dependencies: Dependencies,
  tenantUid: TenantUid,
  asked: CreatedModel | undefined,
  { language, operationId }: { readonly language: string; readonly operationId: string },
): Promise<BuiltWith> {
  if (asked === undefined)
    return { model: defaultModel(language), modelChoice: language === 'auto' ? 'open' : 'by_language' }
  if (typeof asked === 'string') {
    const { uid, task, source, profile } = await dependencies.modelNames.find(tenantUid, asked, 'embed', '/model')
    const model: EmbeddingModel = { uid, task, source, profile }
    return productSource(uid) === undefined ? { model, modelName: asked } : { model }
  }
  const uid = newModelUid(operationId)
  if (asked.provider === 'bring-your-own') {
    const { provider, dimensions = 0, vectors } = asked
    const single = vectors === undefined ? productModel(provider, dimensions) : undefined
    if (single !== undefined) return { model: single }
    invariant(vectors !== undefined, 'vectors are single or have names')
    return own(tenantUid, { ...namedVectorsModel(namedVectors(vectors)), uid })
  }
  const owner = { tenantUid, modelUid: uid }
  const { source, profile } = await configureModel(
    modelConfiguration(dependencies),
    owner,
    'embed',
    modelInput(asked),
    '/model',
  )
  invariant(profile !== undefined, 'a model that embeds has a profile')
  return own(tenantUid, { uid, task: 'embed', source, profile })
}

function own(tenantUid: TenantUid, model: EmbeddingModel): BuiltWith {
  const { uid, source, profile } = model
  return { model, ownModel: { uid, tenantUid, task: 'embed', source, profile } }
}
