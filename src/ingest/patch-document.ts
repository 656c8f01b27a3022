/**
 * Changing a document's title, url, metadata or acl: JSON merge patch (RFC 7396) on the latest accepted version, whether it is
 * applied yet or not. A concurrent write in between is noticed by its entity tag and the patch is made again.
 */
import type { CollectionRecord } from '../catalog/records.ts'
import type { JsonObject } from '../core/canonical-json.ts'
import { Faults, isJsonObject } from '../core/faults.ts'
import type { JobId } from '../core/ids.ts'
import { MAX_SYNC_CHUNKS } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import { matchesEtag } from '../shard/etag.ts'
import { shardOf } from '../shard/placement.ts'
import type { SourceDocument } from '../shard/shard-api.ts'
import { parseAcl } from './acl.ts'
import { DocumentWriter } from './document-writer.ts'
import type { DocumentView } from './document-view.ts'
import {
  writeContext,
  writeQuota,
  type Caller,
  type IngestDependencies,
  type WriteShard,
} from './ingest-dependencies.ts'
import { leaveToJob, type Asker } from './leave-to-job.ts'
import { isModelOpen } from './model-choice.ts'
import { readDocument } from './read-documents.ts'
import { asked } from '../shard/shard-call.ts'
import { shownVersion } from './shown-version.ts'
import { hashed, mergePatch } from './source-document.ts'
import { parseMetadata, parseTitle, parseUrl } from './validate-document.ts'
import type { WriteItem } from './write-item.ts'

const KNOWN = new Set(['title', 'url', 'metadata', 'acl'])
const MAX_ATTEMPTS = 5

/** A merge patch: `null` removes. */
export interface DocumentPatch {
  readonly title?: string | null
  readonly url?: string | null
  readonly metadata?: JsonObject | null
  /** Replaced as a whole. */
  readonly acl?: readonly string[] | null
}

export type PatchOutcome =
  | { readonly kind: 'done'; readonly document: DocumentView; readonly etag: string }
  /** Too many chunks have to be embedded again to wait for it: a new title stands before each of them. */
  | { readonly kind: 'job'; readonly jobId: JobId }

/**
 * Checks an untrusted patch.
 * @throws invalid_request, listing every fault
 */
export function parsePatchRequest(body: unknown): DocumentPatch {
  const faults = new Faults()
  if (!isJsonObject(body)) {
    faults.add('', 'must be an object')
    faults.throwIfAny()
    return {}
  }
  faults.checkMembers(body, '', KNOWN)
  const { title, url, metadata, acl } = body
  const patch: DocumentPatch = {
    ...(title === undefined ? {} : { title: title === null ? null : parseTitle(title, '/title', faults) }),
    ...(url === undefined ? {} : { url: url === null ? null : parseUrl(url, '/url', faults) }),
    ...(metadata === undefined
      ? {}
      : { metadata: metadata === null ? null : parseMetadata(metadata, '/metadata', faults) }),
    ...(acl === undefined ? {} : { acl: acl === null ? null : parseAcl(acl, '/acl', faults) }),
  }
  faults.throwIfAny()
  return patch
}

/**
 * Applies a patch made by `parsePatchRequest`.
 * @throws not_found, precondition_failed, outside_filter, invalid_request when the merged metadata is too large,
 * shard_full, document_too_large, quota_exceeded, monthly_quota_exceeded, budget_exceeded, overloaded, and what the model's provider throws
 */
export async function patchDocument(
  deps: IngestDependencies,
  collection: CollectionRecord,
  principal: Caller,
  id: string,
  patch: DocumentPatch,
  options: { readonly ifMatch?: string; readonly operationId?: string } = {},
): Promise<PatchOutcome> {
  // It was empty when it was looked up; which model documents have that came since is not known here.
  if (isModelOpen(collection)) throw new Problem('not_found')
  const shardNumber = await shardOf(id, collection.generation.shards)
  const shard = deps.placement.forWrite(collection, shardNumber)
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const latest = await asked(shard.latestSource(id, principal.filter))
    if (latest === undefined) throw new Problem('not_found')
    const { source, etag } = latest
    if (options.ifMatch !== undefined) {
      const shown = await shownVersion(deps.sealer, principal, { ...source, etag })
      if (!matchesEtag(options.ifMatch, shown.etag)) throw new Problem('precondition_failed')
    }
    const vector = await ownVector(shard, collection, id, etag)
    const { contentHash: _, ...old } = source
    const patched = await hashed(applyPatch(old, patch), collection, vector)
    if (patched.contentHash === source.contentHash) return current(deps, collection, principal, id)

    const document = vector === undefined ? { source: patched } : { source: patched, vector }
    const item: WriteItem = { document, shard: shardNumber, ifMatch: etag, attempts: 0 }
    const writer = new DocumentWriter(
      deps,
      collection,
      writeContext(principal),
      writeQuota(deps, collection, principal),
    )
    try {
      const jobId = await write(deps, collection, writer, item, {
        keyId: principal.keyId,
        operationId: options.operationId,
      })
      if (jobId !== undefined) return { kind: 'job', jobId }
    } catch (error) {
      await writer.release([item])
      throw error
    } finally {
      await writer.finish()
    }
    const code = item.result?.error?.code
    if (code === undefined) return current(deps, collection, principal, id)
    if (code !== 'precondition_failed') throw new Problem(code, item.result?.error?.detail)
  }
  throw new Problem('overloaded', 'the document keeps changing', { retryAfterSeconds: 1 })
}

/** Writes the patched document, or leaves it to a job and gives its id. The item says how it went. */
async function write(
  deps: IngestDependencies,
  collection: CollectionRecord,
  writer: DocumentWriter,
  item: WriteItem,
  asker: Asker,
): Promise<JobId | undefined> {
  await writer.begin([item])
  throwIfRefused(item, writer)
  if (item.result === undefined && writer.missing([item]).size > MAX_SYNC_CHUNKS) {
    return leaveToJob(deps.jobs, collection, writer, [item], asker)
  }
  await writer.write([item])
  throwIfRefused(item, writer)
  if (item.result?.error?.code === 'embedding_failed' && writer.embeddingFailure !== undefined) {
    throw writer.embeddingFailure
  }
  return undefined
}

/** As the tenant's object put it, with the time after which it may be tried again. */
function throwIfRefused({ result }: WriteItem, { quotaRefusal }: DocumentWriter): void {
  if (quotaRefusal !== undefined && result?.error?.code === quotaRefusal.code) throw quotaRefusal
}

async function current(
  deps: IngestDependencies,
  collection: CollectionRecord,
  principal: Caller,
  id: string,
): Promise<PatchOutcome> {
  return { kind: 'done', ...(await readDocument(deps, collection, principal, id, [])) }
}

/**
 * The vector that the caller brought with this version. It lies in the index only once the version is applied; until then
 * a patch has to wait.
 */
async function ownVector(
  shard: WriteShard,
  { generation }: CollectionRecord,
  id: string,
  etag: string,
): Promise<Float32Array | undefined> {
  if (generation.profileId !== BRING_YOUR_OWN) return undefined
  const stored = await asked(shard.document(id, { include: ['vectors'] }))
  if (stored?.etag === etag && stored.status === 'indexed') return stored.vectors?.[0]
  throw new Problem('overloaded', 'the document is still being indexed', { retryAfterSeconds: 1 })
}

type Unhashed = Omit<SourceDocument, 'contentHash'>

function applyPatch(document: Unhashed, patch: DocumentPatch): Unhashed {
  const { title: oldTitle, url: oldUrl, metadata: oldMetadata, acl: oldAcl, ...rest } = document
  const title = patch.title === undefined ? oldTitle : (patch.title ?? undefined)
  const url = patch.url === undefined ? oldUrl : (patch.url ?? undefined)
  const acl = patch.acl === undefined ? oldAcl : (patch.acl ?? undefined)
  const metadata =
    patch.metadata === undefined ? oldMetadata : patch.metadata === null ? {} : mergePatch(oldMetadata, patch.metadata)
  const faults = new Faults()
  parseMetadata(metadata, '/metadata', faults)
  faults.throwIfAny()
  return {
    ...rest,
    ...(title === undefined ? {} : { title }),
    ...(url === undefined ? {} : { url }),
    metadata,
    ...(acl === undefined ? {} : { acl }),
  }
}
