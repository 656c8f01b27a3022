/**
 * Where originals lie in the bucket: hashes of internal ids, so that no key tells whose it is and a prefix covers exactly
 * one tenant, one collection or one upload.
 */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { CollectionId, TenantUid } from '../core/ids.ts'

/** Hex digits of each segment: 128 bits. */
const SEGMENT_DIGITS = 32

const segment = async (text: string): Promise<string> =>
  hex(await sha256(utf8(`nearfield-originals/${text}`))).slice(0, SEGMENT_DIGITS)

/** Ends in a slash. Without a collection the prefix of the whole tenant, without an upload that of the collection. */
export async function originalPrefix(
  tenantUid: TenantUid,
  collectionId?: CollectionId,
  uploadId?: string,
): Promise<string> {
  const parts = [await segment(tenantUid)]
  if (collectionId !== undefined) parts.push(await segment(`${tenantUid}/${collectionId}`))
  if (uploadId !== undefined) parts.push(uploadId)
  return `${parts.join('/')}/`
}

/** A tenant's model of word vectors. Under the tenant's prefix, so that whatever erases the tenant erases it. */
export async function modelKey(tenantUid: TenantUid, modelUid: string): Promise<string> {
  return `${await originalPrefix(tenantUid)}models/${modelUid}`
}
