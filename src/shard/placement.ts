/**
 * Where documents lie: rendezvous hashing of a document over its collection's shards, and the objects' names, which are
 * hashes of ids that are never used twice, so that no object is ever met under another collection's name.
 */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { ModelProfile } from '../models/embedder.ts'
import type { Model } from '../models/model.ts'
import { namedVectorsOf } from '../models/named-vectors.ts'
import type { ShardApi, ShardSetup } from './shard-api.ts'
import { chosenOf } from './shard-setup.ts'
import { type ShardRpc, shardStub } from './stub.ts'
import type { ChosenModel } from './write-context.ts'

/** What placement must know of a collection; `catalog`'s record fits. */
export interface PlacedCollection {
  readonly tenantUid: string
  readonly id: string
  readonly placementEpoch: number
  readonly modelChoice?: 'by_language' | 'open'
  readonly generation: {
    readonly id: string
    readonly model: Pick<Model, 'source'> & {
      readonly profile?: Pick<ModelProfile, 'version' | 'pricePerMillionTokens'>
    }
    readonly profileId: string
    readonly dimensions: number
    readonly precision: 'int8' | 'f32'
    readonly shards: number
  }
}

/** What names the objects of a collection. */
type PlacementName = Pick<PlacedCollection, 'tenantUid' | 'id' | 'placementEpoch'>

/** The part of a Durable Object namespace that placement uses. */
export interface ShardNamespace {
  idFromName(name: string): DurableObjectId
  get(id: DurableObjectId): unknown
}

/**
 * The shard of a document: the one whose SHA-256(shard number as u32 LE ‖ UTF-8 document id) begins with the highest
 * 8 bytes, read as an unsigned big-endian number (Thaler & Ravishankar 1998, "Using name-based mappings to increase hit
 * rates"). With one shard more, only the documents that move to it move.
 */
export async function shardOf(documentId: string, shards: number): Promise<number> {
  if (shards === 1) return 0
  const id = utf8(documentId)
  let best = 0
  let highest = -1n
  for (let shard = 0; shard < shards; shard++) {
    const message = new Uint8Array(4 + id.length)
    const view = new DataView(message.buffer)
    view.setUint32(0, shard, true)
    message.set(id, 4)
    const digest = await sha256(message)
    const weight = new DataView(digest.buffer).getBigUint64(0, false)
    if (weight > highest) [best, highest] = [shard, weight]
  }
  return best
}

/** Hex SHA-256 over the parts, each preceded by its length in bytes (u32 LE), so that no two lists of parts run together. */
export async function objectName(parts: readonly string[]): Promise<string> {
  const encoded = parts.map(utf8)
  const message = new Uint8Array(encoded.reduce((length, part) => length + 4 + part.length, 0))
  const view = new DataView(message.buffer)
  let offset = 0
  for (const part of encoded) {
    view.setUint32(offset, part.length, true)
    message.set(part, offset + 4)
    offset += 4 + part.length
  }
  return hex(await sha256(message))
}

export class Placement {
  readonly #namespace: ShardNamespace

  constructor(namespace: ShardNamespace) {
    this.#namespace = namespace
  }

  forRead(collection: PlacementName, shard: number): ShardApi {
    return this.#stub(collection, shard)
  }

  forWrite(collection: PlacementName, shard: number): ShardApi {
    return this.#stub(collection, shard)
  }

  /** Every shard, in order of their numbers. */
  all(collection: PlacedCollection): ShardApi[] {
    return Array.from({ length: collection.generation.shards }, (_, shard) => this.forRead(collection, shard))
  }

  /** Makes the collection's objects into shards; safe to repeat. */
  async initialise(collection: PlacedCollection): Promise<void> {
    await Promise.all(this.all(collection).map(async (shard, number) => shard.initialise(setupOf(collection, number))))
  }

  /** Empties all of the collection's objects for good; safe to repeat. */
  async erase(collection: PlacedCollection): Promise<void> {
    await Promise.all(this.all(collection).map(async (shard) => shard.erase()))
  }

  #stub(collection: PlacementName, shard: number): ShardApi {
    const { tenantUid, id, placementEpoch } = collection
    let name: Promise<string> | undefined
    return shardStub(async () => {
      name ??= objectName([tenantUid, id, String(placementEpoch), String(shard)])
      return this.#namespace.get(this.#namespace.idFromName(await name)) as ShardRpc
    })
  }
}

/** What writes tell shards that were set up before the collection's model was chosen. */
export const chosenModel = (collection: PlacedCollection): ChosenModel | undefined =>
  collection.modelChoice === 'by_language' ? chosenOf(setupOf(collection, 0)) : undefined

function setupOf(
  { tenantUid, id, placementEpoch, generation, modelChoice }: PlacedCollection,
  shard: number,
): ShardSetup {
  const { model, profileId, dimensions, precision } = generation
  const vectors = namedVectorsOf(model)
  const profileVersion = model.profile?.version ?? 1
  const pricePerMillionTokens = model.profile?.pricePerMillionTokens ?? 0
  return {
    tenantUid,
    collectionId: id,
    placementEpoch,
    generation: generation.id,
    shard,
    profileId,
    ...(profileVersion === 1 ? {} : { profileVersion }),
    ...(pricePerMillionTokens === 0 ? {} : { pricePerMillionTokens }),
    ...(modelChoice === 'open' ? { isModelOpen: true } : {}),
    dimensions,
    precision,
    ...(vectors === undefined ? {} : { vectors }),
  }
}
