/**
 * Puts a part of an archive in place: collections that do not exist yet, then documents with their chunks, vectors, versions
 * and times, without a model. Everything is checked before anything is stored; repeating a part changes nothing.
 */
import type { NewCollection } from '../catalog/collections.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import { canonicalJson, textFault } from '../core/canonical-json.ts'
import { randomBase62 } from '../core/bytes.ts'
import { Faults, pointerTo } from '../core/faults.ts'
import type { TenantUid } from '../core/ids.ts'
import { invalidField } from '../core/problem.ts'
import { indexedText } from '../chunking/indexed-text.ts'
import { BRING_YOUR_OWN, findProfile } from '../models/profiles.ts'
import { createCollection, type CreationStores } from '../shard/collection-lifecycle.ts'
import { shardOf } from '../shard/placement.ts'
import type { ExportedChunk, ExportedDocument, ShardApi, SourceDocument } from '../shard/shard-api.ts'
import { asked } from '../shard/shard-call.ts'
import { archivedCollection, vectorBytes, type ArchivedCollection, type ArchivedDocument } from './archive.ts'
import type { DocumentInput } from './put-request.ts'
import { profileOf } from './prepare-chunks.ts'
import { hashOfSource } from './source-document.ts'
import { parseDocument } from './validate-document.ts'
import { vectorKeyOfText, vectorKeyOfVector } from './vector-key.ts'

export interface ImportStores extends CreationStores {
  readonly catalog: CreationStores['catalog'] & {
    readonly collections: { find(tenantUid: TenantUid, reference: string): Promise<CollectionRecord | undefined> }
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
const BYTES_PER_SINGLE = 4

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
  for (const [index, archived] of collections.entries()) {
    await ensureCollection(stores, tenantUid, archived, pointerTo('/collections', index))
  }
  const found = await collectionsOf(stores, tenantUid, documents)
  const faults = new Faults()
  const exported: { readonly collection: CollectionRecord; readonly document: ExportedDocument }[] = []
  for (const [index, archived] of documents.entries()) {
    const pointer = pointerTo('/documents', index)
    const collection = found.get(archived.collection)
    if (collection === undefined) faults.add(`${pointer}/collection`, 'names no collection of the tenant')
    else exported.push({ collection, document: await documentOf(archived, collection, pointer, faults) })
  }
  faults.throwIfAny()
  await store(stores, exported)
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

function checkModel({ profileId, dimensions, precision }: ArchivedCollection, pointer: string): void {
  if (profileId === BRING_YOUR_OWN) {
    if (precision !== 'f32') throw invalidField(`${pointer}/precision`, "must be f32 for callers' vectors")
    return
  }
  const profile = findProfile(profileId)
  if (profile === undefined) throw invalidField(`${pointer}/profileId`, 'is not a model that this server has')
  if (profile.dimensions !== dimensions) throw invalidField(`${pointer}/dimensions`, `must be ${profile.dimensions}`)
  if (precision !== 'int8') throw invalidField(`${pointer}/precision`, "must be int8 for a model's vectors")
}

/** @throws conflict when the name is taken by a collection that is made otherwise */
async function ensureCollection(
  stores: ImportStores,
  tenantUid: TenantUid,
  archived: ArchivedCollection,
  pointer: string,
): Promise<void> {
  const { name, language, settings, profileId, dimensions, chunking, shards, precision } = archived
  const existing = await stores.catalog.collections.find(tenantUid, name)
  if (existing !== undefined) {
    const isSame = canonicalJson(archivedCollection(existing)) === canonicalJson(archived)
    if (!isSame) throw invalidField(`${pointer}/name`, 'is in use by a collection that is made otherwise', 'conflict')
    return
  }
  const made: NewCollection = {
    tenantUid,
    name,
    language,
    settings,
    generation: { profileId, dimensions, chunking, shards, precision },
  }
  await createCollection(stores, { ...made, operationId: randomBase62(16) })
}

async function collectionsOf(
  { catalog }: ImportStores,
  tenantUid: TenantUid,
  documents: readonly ArchivedDocument[],
): Promise<Map<string, CollectionRecord>> {
  const names = [...new Set(documents.map(({ collection }) => collection))]
  const found = await Promise.all(names.map(async (name) => catalog.collections.find(tenantUid, name)))
  return new Map(found.flatMap((collection) => (collection === undefined ? [] : [[collection.name, collection]])))
}

/** The document as its shard keeps it; adds a fault for everything that the archive says wrongly. */
async function documentOf(
  archived: ArchivedDocument,
  collection: CollectionRecord,
  pointer: string,
  faults: Faults,
): Promise<ExportedDocument> {
  const { collection: _, version, createdAt, updatedAt, chunks: archivedChunks, ...source } = archived
  const chunks: ExportedChunk[] = []
  for (const [ordinal, chunk] of archivedChunks.entries()) {
    const { vector: _vector, ...rest } = chunk
    const bytes = vectorBytes(chunk)
    const fault = await chunkFault(chunk, bytes, source, collection)
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

async function chunkFault(
  { start, end, prefix, headings, vectorKey }: ExportedChunk | ArchivedDocument['chunks'][number],
  vector: Uint8Array<ArrayBuffer> | undefined,
  { text }: Pick<SourceDocument, 'text'>,
  collection: CollectionRecord,
): Promise<string | undefined> {
  const { profileId, dimensions, precision } = collection.generation
  if (start > end || end > text.length) return 'must lie within the text'
  if ([prefix, ...headings].some((part) => textFault(part) !== undefined)) return 'holds characters that are no text'
  if (vector === undefined) return 'has a vector that is not base64url'
  if (vector.length > 0 !== (vectorKey !== undefined)) return 'must have a vector and its key, or neither'
  if (vectorKey === undefined) return undefined
  const isOwn = profileId === BRING_YOUR_OWN
  if (vector.length !== dimensions * (precision === 'f32' ? BYTES_PER_SINGLE : 1)) {
    return `must have a vector of ${dimensions} dimensions`
  }
  const key = isOwn
    ? await vectorKeyOfVector(singles(vector))
    : await vectorKeyOfText(profileOf(collection), indexedText(prefix, text.slice(start, end)))
  return key === vectorKey ? undefined : 'has a vector that was made from something else'
}

/** Little-endian singles, whatever the machine. */
function singles(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.length / BYTES_PER_SINGLE }, (_, index) => view.getFloat32(index * 4, true))
}

async function store(
  { placement }: ImportStores,
  exported: readonly { readonly collection: CollectionRecord; readonly document: ExportedDocument }[],
): Promise<void> {
  const placed = await Promise.all(
    exported.map(async ({ collection, document }) => ({
      collection,
      document,
      shard: await shardOf(document.source.id, collection.generation.shards),
    })),
  )
  const batches = Map.groupBy(placed, ({ collection, shard }) => `${collection.id}/${shard}`)
  for (const batch of batches.values()) {
    const [first] = batch
    if (first === undefined) continue
    const documents = batch.map(({ document }) => document)
    const { collection, shard } = first
    await asked(placement.forWrite(collection, shard).importDocuments(documents, { keyId: IMPORTER }))
  }
}
