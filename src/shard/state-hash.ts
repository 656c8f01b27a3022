/**
 * A digest of what a shard, or any number of them, holds: the sum of SHA-256 digests of documents, modulo 2^256. Sums know
 * no order and no internal numbers, so the same documents give the same hash however they are spread over shards.
 */
import { canonicalJson } from '../core/canonical-json.ts'
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { ExportedDocument } from './shard-api.ts'

const MODULUS = 1n << 256n

/** Sums up hashes of 64 hex digits each; of none: 64 zeros. */
export function addStateHashes(hashes: readonly string[]): string {
  const sum = hashes.reduce((total, hash) => (total + BigInt(`0x${hash}`)) % MODULUS, 0n)
  return sum.toString(16).padStart(64, '0')
}

/** 64 hex digits over everything that an export says of a document, its vectors' stored bytes included. */
export async function documentHash({ chunks, ...rest }: ExportedDocument): Promise<string> {
  const digested = await Promise.all(
    chunks.map(async ({ vector, ...chunk }) =>
      vector === undefined ? chunk : { ...chunk, vector: hex(await sha256(new Uint8Array(vector))) },
    ),
  )
  return hex(await sha256(utf8(canonicalJson({ ...rest, chunks: digested }))))
}
