/**
 * Puts a part of an archive in place: collections that do not exist yet, then documents with their chunks, vectors, versions
 * and times, without a model. Everything is checked before anything is stored; repeating a part changes nothing.
 */
import type { NewCollection } from '../catalog/collections.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import { canonicalJson } from '../core/canonical-json.ts'
import { randomBase62 } from '../core/bytes.ts'
import { Faults, pointerTo } from '../core/faults.ts'
import { newModelUid } from '../core/ids.ts'
import type { TenantUid } from '../core/ids.ts'
import { invariant } from '../core/invariant.ts'
import { asProblem, invalidField, Problem } from '../core/problem.ts'
import { BRING_YOUR_OWN, bringYourOwnProfile, EDGE_EN, findProfile } from '../models/profiles.ts'
import { createCollection, type CreationStores } from '../shard/collection-lifecycle.ts'
import { chosenModel, shardOf } from '../shard/placement.ts'
import type { ExportedChunk, ExportedDocument, ShardApi } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'
import {
  archivedCollection,
  vectorBytes,
  type ArchivedCollection,
  type ArchivedDocument,
  type PlannedCollection,
} from './archive.ts'
import { chunkFault, outlineFault } from './archive-faults.ts'
import { planModel, type ModelPlanStores } from './archived-model.ts'
import { checkChunking } from './chunking-rule.ts'
import { isModelOpen, type ModelChoiceStores } from './model-choice.ts'
import type { DocumentInput } from './put-request.ts'
import { hashOfSource } from './source-document.ts'
import { parseDocument } from './validate-document.ts'

export interface ImportStores extends CreationStores, ModelPlanStores {
  readonly catalog: CreationStores['catalog'] & {
    readonly collections: {
      find(tenantUid: TenantUid, reference: string): Promise<CollectionRecord | undefined>
    } & ModelChoiceStores['collections']
  }
  readonly placement: CreationStores['placement'] & {
    forWrite(collection: CollectionRecord, shard: number): Pick<ShardApi, 'importDocuments'>
  }
}

/** A part of an archive whose shape was checked. */
export interface ArchivePart {
  readonly collections: readonly ArchivedCollection[]
  readonly documents: readonly ArchivedDocument[]
}

/** In the change log, for what no key wrote. */
const IMPORTER = 'root'

/**
 * @throws invalid_request with pointers; conflict when a collection or a document is there already and differs
 */
export async function importArchive(
  stores: ImportStores,
  tenantUid: TenantUid,
  { collections, documents }: ArchivePart,
): Promise<{ readonly collections: number; readonly documents: number }> {
  checkDocuments(documents)
  for (const [index, archived] of collections.entries()) checkModel(archived, pointerTo('/collections', index))
  const names = new Set([...collections.map(({ name }) => name), ...documents.map(({ collection }) => collection)])
  const existing = await collectionsOf(stores, tenantUid, names)
  const planned = await planCollections(stores, tenantUid, collections, existing)
  const exported = await documentsOf(documents, new Map<string, PlannedCollection>([...planned, ...existing]))
  for (const [name, archived] of planned) existing.set(name, await makeCollection(stores, tenantUid, archived))
  for (const name of new Set(exported.map(({ collection }) => collection))) {
    const collection = existing.get(name)
    if (collection !== undefined) existing.set(name, await withModelAsArchived(stores, collection))
  }
  await store(stores, existing, exported)
  return { collections: collections.length, documents: documents.length }
}

/** The checks of a `PUT`, for the fields that callers send. @throws invalid_request, listing every fault */
function checkDocuments(documents: readonly ArchivedDocument[]): void {
  const faults = new Faults()
  const seen = new Set<string>()
  for (const [index, archived] of documents.entries()) {
    const pointer = pointerTo('/documents', index)
    parseDocument(inputOf(archived), pointer, faults)
    const name = JSON.stringify([archived.collection, archived.id])
    if (seen.has(name)) faults.add(`${pointer}/id`, 'is the id of an earlier document of this part')
    seen.add(name)
  }
  faults.throwIfAny()
}

/** A document without text needs a vector; which one, the chunks say. */
function inputOf({ id, title, url, language, metadata, acl, text, chunks }: ArchivedDocument): DocumentInput {
  return {
    id,
    ...(text.trim() === '' && chunks.some(({ vector }) => vector !== undefined) ? { vector: [1] } : { text }),
    ...(title === undefined ? {} : { title }),
    ...(url === undefined ? {} : { url }),
    ...(language === undefined ? {} : { language }),
    ...(acl === undefined ? {} : { acl }),
    metadata,
  }
}

function checkModel(archived: ArchivedCollection, pointer: string): void {
  const { profileId, dimensions, vectors, model, precision, chunking, modelChoice } = archived
  if (modelChoice === 'open' && profileId !== EDGE_EN.id) {
    throw invalidField(`${pointer}/modelChoice`, `must stand beside the profile ${EDGE_EN.id}`)
  }
  if (vectors !== undefined && (profileId !== BRING_YOUR_OWN || vectors[0]?.dimensions !== dimensions)) {
    throw invalidField(`${pointer}/vectors`, "must be callers' vectors, the first of the collection's dimensions")
  }
  if (profileId === BRING_YOUR_OWN) {
    checkChunking(chunking, bringYourOwnProfile(dimensions), `${pointer}/chunking`)
    if (precision !== 'f32') throw invalidField(`${pointer}/precision`, "must be f32 for callers' vectors")
    return
  }
  const profile = model?.profile ?? findProfile(profileId)
  if (profile === undefined) throw invalidField(`${pointer}/profileId`, 'is not a model that this server has')
  if (profile.dimensions !== dimensions) throw invalidField(`${pointer}/dimensions`, `must be ${profile.dimensions}`)
  if (precision !== 'int8') throw invalidField(`${pointer}/precision`, "must be int8 for a model's vectors")
  checkChunking(chunking, profile, `${pointer}/chunking`)
}

interface Planned extends PlannedCollection {
  readonly archived: ArchivedCollection
  readonly isOwnModel: boolean
}

/**
 * The collections that are to be made, by name.
 * @throws conflict when a name is taken by a collection that is made otherwise, there already or named before in this part
 */
async function planCollections(
  stores: ImportStores,
  tenantUid: TenantUid,
  collections: readonly ArchivedCollection[],
  existing: ReadonlyMap<string, CollectionRecord>,
): Promise<Map<string, Planned>> {
  const planned = new Map<string, Planned>()
  for (const [index, archived] of collections.entries()) {
    const { name, profileId, dimensions, chunking, shards, precision } = archived
    const found = existing.get(name)
    const other = found === undefined ? planned.get(name)?.archived : archivedCollection(found)
    if (other !== undefined && !isSame(other, archived)) {
      throw invalidField(`/collections/${index}/name`, 'is in use by a collection that is made otherwise', 'conflict')
    }
    if (other === undefined) {
      const { isOwn, ...built } = await planModel(stores, tenantUid, archived, pointerTo('/collections', index))
      const generation = { ...built, profileId, dimensions, chunking, shards, precision }
      planned.set(name, { archived, isOwnModel: isOwn, generation })
    }
  }
  return planned
}

const isSame = (a: ArchivedCollection, b: ArchivedCollection): boolean => canonicalJson(a) === canonicalJson(b)

/** @throws not_found when the tenant was deleted meanwhile; conflict when another request made another of that name */
async function makeCollection(
  stores: ImportStores,
  tenantUid: TenantUid,
  { archived, generation, isOwnModel }: Planned,
): Promise<CollectionRecord> {
  const { name, language, settings, modelChoice } = archived
  const operationId = randomBase62(16)
  const model = isOwnModel ? { ...generation.model, uid: newModelUid(operationId) } : generation.model
  const made: NewCollection = {
    tenantUid,
    name,
    language,
    settings,
    generation: { ...generation, model },
    ...(isOwnModel ? { ownModel: { ...model, tenantUid } } : {}),
    ...(modelChoice === undefined ? {} : { modelChoice }),
  }
  try {
    return await createCollection(stores, { ...made, operationId })
  } catch (error) {
    const code = asProblem(error)?.code
    // Here the caller is not the tenant: its own credential is good.
    if (code === 'unauthorized') throw new Problem('not_found')
    const found = code === 'conflict' ? await stores.catalog.collections.find(tenantUid, name) : undefined
    // The same part, sent twice at once.
    if (found !== undefined && isSame(archivedCollection(found), archived)) return found
    throw error
  }
}

/**
 * Documents come with vectors, which are of the model that an open choice assumes, or their hashes would have been wrong.
 * @throws conflict when other documents have chosen another meanwhile
 */
async function withModelAsArchived({ catalog }: ImportStores, collection: CollectionRecord): Promise<CollectionRecord> {
  if (!isModelOpen(collection)) return collection
  const { tenantUid, id, generation } = collection
  const chosen = await catalog.collections.chooseModel(tenantUid, id, generation.model)
  if (chosen === undefined) throw new Problem('not_found')
  if (chosen.generation.id === generation.id) return chosen
  throw new Problem('conflict', 'the collection was given another model meanwhile')
}

async function collectionsOf(
  { catalog }: ImportStores,
  tenantUid: TenantUid,
  names: ReadonlySet<string>,
): Promise<Map<string, CollectionRecord>> {
  const found = await Promise.all([...names].map(async (name) => catalog.collections.find(tenantUid, name)))
  return new Map(found.flatMap((collection) => (collection === undefined ? [] : [[collection.name, collection]])))
}

interface CheckedDocument {
  readonly collection: string
  readonly document: ExportedDocument
}

/** @throws invalid_request, listing every fault */
async function documentsOf(
  documents: readonly ArchivedDocument[],
  collections: ReadonlyMap<string, PlannedCollection>,
): Promise<CheckedDocument[]> {
  const faults = new Faults()
  const exported: CheckedDocument[] = []
  for (const [index, archived] of documents.entries()) {
    const pointer = pointerTo('/documents', index)
    const collection = collections.get(archived.collection)
    if (collection === undefined) faults.add(`${pointer}/collection`, 'names no collection of the tenant')
    else {
      const document = await documentOf(archived, collection, pointer, faults)
      exported.push({ collection: archived.collection, document })
    }
  }
  faults.throwIfAny()
  return exported
}

/** The document as its shard keeps it; adds a fault for everything that the archive says wrongly. */
async function documentOf(
  archived: ArchivedDocument,
  collection: PlannedCollection,
  pointer: string,
  faults: Faults,
): Promise<ExportedDocument> {
  const { collection: _, version, createdAt, updatedAt, chunks: archivedChunks, ...source } = archived
  const chunks: ExportedChunk[] = []
  const misplaced = outlineFault(source)
  if (misplaced !== undefined) faults.add(`${pointer}/outline`, misplaced)
  for (const [ordinal, chunk] of archivedChunks.entries()) {
    const { vector: _vector, ...rest } = chunk
    const bytes = vectorBytes(chunk)
    const fault = await chunkFault(chunk, source, collection)
    if (fault !== undefined) faults.add(`${pointer}/chunks/${ordinal}`, fault)
    chunks.push(bytes === undefined || bytes.length === 0 ? rest : { ...rest, vector: bytes })
  }
  const [own] = chunks
  const ownKey = collection.generation.profileId === BRING_YOUR_OWN ? own?.vectorKey : undefined
  const { contentHash, ...unhashed } = source
  if ((await hashOfSource(unhashed, collection, ownKey)) !== contentHash) {
    faults.add(`${pointer}/contentHash`, 'is not the hash of the document')
  }
  return {
    source,
    version,
    createdAtMs: Date.parse(createdAt),
    updatedAtMs: Date.parse(updatedAt),
    precision: collection.generation.precision,
    chunks,
  }
}

async function store(
  { placement }: ImportStores,
  collections: ReadonlyMap<string, CollectionRecord>,
  exported: readonly CheckedDocument[],
): Promise<void> {
  const placed = await Promise.all(
    exported.map(async ({ collection: name, document }) => {
      const collection = collections.get(name)
      invariant(collection !== undefined, 'a checked document has its collection')
      return { collection, document, shard: await shardOf(document.source.id, collection.generation.shards) }
    }),
  )
  const batches = Map.groupBy(placed, ({ collection, shard }) => `${collection.id}/${shard}`)
  for (const batch of batches.values()) {
    const [first] = batch
    if (first === undefined) continue
    const documents = batch.map(({ document }) => document)
    const { collection, shard } = first
    const chosen = chosenModel(collection)
    const context = { keyId: IMPORTER, ...(chosen === undefined ? {} : { chosen }) }
    await asked(placement.forWrite(collection, shard).importDocuments(documents, context))
  }
}
