/** The texts of a collection's documents, for training on them: as many as a bound allows, from all shards alike. */
import type { CollectionRecord } from '../catalog/records.ts'
import { EXPORT_PAGE_BYTES, EXPORT_PAGE_DOCUMENTS } from '../core/limits.ts'
import type { ShardApi } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'

export interface TrainingStores {
  readonly placement: {
    forRead(collection: CollectionRecord, shard: number): Pick<ShardApi, 'exportDocuments'>
  }
}

/**
 * Titles and texts, each document one string, at most `maxLength` UTF-16 units together; of a larger collection each shard's
 * first documents by id.
 */
export async function trainingTexts(
  { placement }: TrainingStores,
  collection: CollectionRecord,
  maxLength: number,
): Promise<string[]> {
  const { shards } = collection.generation
  const texts: string[] = []
  let left = maxLength
  // One shard after another: pages of several would be in memory at once. What one leaves over, the next may use.
  for (let number = 0; number < shards; number++) {
    const share = left - Math.floor(left / (shards - number))
    const shard = placement.forRead(collection, number)
    for (let after: string | undefined; left > share;) {
      const page = await asked(
        shard.exportDocuments({
          limit: EXPORT_PAGE_DOCUMENTS,
          maxBytes: EXPORT_PAGE_BYTES,
          ...(after === undefined ? {} : { after }),
        }),
      )
      for (const { source } of page) {
        if (left <= share) break
        const text = `${source.title ?? ''}\n${source.text}`.slice(0, left - share)
        texts.push(text)
        left -= text.length
      }
      after = page.at(-1)?.source.id
      if (after === undefined) break
    }
  }
  return texts
}
