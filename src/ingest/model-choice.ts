/**
 * A collection that was made without a model and without a language waits for its first documents: they choose one, before
 * anything is hashed, chunked or embedded. D1 decides once; shards hear of it from the write itself (`ShardState.adopt`).
 */
import type { CollectionRecord } from '../catalog/records.ts'
import { Problem } from '../core/problem.ts'
import type { EmbeddingModel } from '../models/model.ts'
import { modelOfTexts, type TextToRead } from '../models/model-by-language.ts'
import { defaultModel } from '../models/product-models.ts'
import type { CollectionStore } from './ingest-dependencies.ts'

export interface ModelChoiceStores {
  readonly collections: Pick<CollectionStore, 'chooseModel'>
}

export const isModelOpen = ({ modelChoice }: CollectionRecord): boolean => modelChoice === 'open'

/**
 * The collection as these texts, or others at the same time, have chosen its model; as it is where there is nothing to choose.
 * @throws not_found when it was deleted meanwhile
 */
export async function withModelChosen(
  { collections }: ModelChoiceStores,
  collection: CollectionRecord,
  texts: readonly TextToRead[],
): Promise<CollectionRecord> {
  if (!isModelOpen(collection)) return collection
  const { tenantUid, id } = collection
  const chosen = await collections.chooseModel(tenantUid, id, likelyModel(collection, texts))
  if (chosen === undefined) throw new Problem('not_found')
  return chosen
}

/** As it would be chosen, for what must change nothing: the choice stays open. */
export function asIfChosen(collection: CollectionRecord, texts: readonly TextToRead[]): CollectionRecord {
  if (!isModelOpen(collection)) return collection
  const model = likelyModel(collection, texts)
  return { ...collection, generation: { ...collection.generation, model, profileId: model.profile.id } }
}

/** A language that the collection was given meanwhile says as much as one that it was made with. */
const likelyModel = ({ language }: CollectionRecord, texts: readonly TextToRead[]): EmbeddingModel =>
  language === 'auto' ? modelOfTexts(texts) : defaultModel(language)
