/** One collection of a search: its shards, its model's profile, and which of its vectors are searched. */
import type { CollectionRecord } from '../catalog/records.ts'
import type { VectorLeg } from '../core/packed-vectors.ts'
import type { ModelProfile } from '../models/embedder.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import { vectorSpace } from '../models/vector-space.ts'
import type { SearchShard, Unit } from './scatter.ts'

/** Where the shards of a collection are asked. */
export interface ReadPlacement {
  forRead(collection: CollectionRecord, shard: number): SearchShard
}

/** `using` names one of the collection's vectors; the first is searched by default, and none where there is no such name. */
export function unitOf(placement: ReadPlacement, collection: CollectionRecord, using: string | undefined): Unit {
  const { model, shards } = collection.generation
  const { profile } = model
  const named = namedVectorsOf(model)
  const leg = using === undefined ? named?.[0] : named?.find(({ name }) => name === using)
  return {
    collection,
    profile,
    ...(leg === undefined ? {} : { leg }),
    space: spaceOf(profile, leg),
    shards: Array.from({ length: shards }, (_, shard) => placement.forRead(collection, shard)),
  }
}

/** Vectors of one profile and length are comparable; named ones with those of the same name. */
function spaceOf(profile: ModelProfile, leg: VectorLeg | undefined): string {
  if (leg === undefined) return vectorSpace(profile)
  const { name, dimensions, multi } = leg
  return `${vectorSpace({ ...profile, dimensions })}/${name}${multi === true ? '/multi' : ''}`
}
