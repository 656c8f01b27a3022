/** Keeps a model of word vectors that was made: its packed file in the bucket, its row in the catalogue. */
import { newModelUid, type TenantUid } from '../core/ids.ts'
import { MAX_MODELS, MAX_WORD_VECTOR_MODELS } from '../core/limits.ts'
import { asProblem, Problem, PROBLEMS } from '../core/problem.ts'
import { modelKey } from '../files/original-key.ts'
import type { MadeWordVectors } from '../models/word-vector-models.ts'
import type { AppDependencies } from './dependencies.ts'
import type { Reply } from './route.ts'
import { ADMINISTRATOR, modelView } from './schemas/model.ts'

interface KeptModel {
  readonly tenantUid: TenantUid
  /** The tenant's name for it. */
  readonly name: string
  readonly operationId: string
  readonly made: MadeWordVectors
}

/**
 * The file first, so that no row is without one. What a request that dies in between leaves is swept away; a refused one takes
 * its file back, and where nobody knows whether the row was made the file stays until then. @throws conflict, quota_exceeded, unauthorized
 */
export async function keepWordVectors(
  { catalog, originals, files }: Pick<AppDependencies, 'catalog' | 'originals' | 'files'>,
  { tenantUid, name, operationId, made }: KeptModel,
): Promise<Reply> {
  const uid = newModelUid(operationId)
  const others = (await catalog.models.list(tenantUid, { limit: MAX_MODELS })).data
  const ofWords = others.filter((model) => model.source.provider === 'word-vectors' && model.uid !== uid)
  if (ofWords.length >= MAX_WORD_VECTOR_MODELS) {
    throw new Problem('quota_exceeded', `a tenant has at most ${MAX_WORD_VECTOR_MODELS} models of word vectors`)
  }
  const { packed, profile, origin, words } = made
  const objectKey = await modelKey(tenantUid, uid)
  await (await files.of(tenantUid)).watchModelFile(tenantUid, uid)
  await originals.store(objectKey, new Blob([packed]).stream(), {
    maxBytes: packed.byteLength,
    noteMultipart: async (multipartId) => (await files.of(tenantUid)).watchModelFile(tenantUid, uid, multipartId),
  })
  try {
    const source = { provider: 'word-vectors', objectKey, origin, words } as const
    const model = await catalog.models.create({ uid, tenantUid, name, task: 'embed', profile, source })
    return {
      status: 201,
      headers: { location: `/v1/models/${name}` },
      body: modelView(model, ADMINISTRATOR),
      subject: { type: 'model', id: uid },
    }
  } catch (error) {
    const problem = asProblem(error)
    if (problem !== undefined && !PROBLEMS[problem.code].retryable) await originals.delete([objectKey])
    throw error
  }
}
