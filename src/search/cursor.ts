/**
 * Search cursors: everything that must not change between two pages, sealed so that it is opaque and cannot be forged.
 * A cursor opens only for its tenant, for the same body and visibility (page size aside) and the same generations, and for
 * 15 minutes. Layout: base64url of AES-256-GCM over UTF-8 JSON; see `Payload`.
 */
import { canonicalJson } from '../core/canonical-json.ts'
import { base64url, fromBase64url, hex, sha256, utf8 } from '../core/bytes.ts'
import { CURSOR_TTL_MS } from '../core/limits.ts'
import { Problem, invalidField } from '../core/problem.ts'
import type { CollectionRecord } from '../catalog/records.ts'
import type { KeywordStatistics } from '../keyword/keyword-index.ts'
import type { Filter } from '../metadata/filter.ts'
import type { LegMaxima, RankedPosition } from './fuse.ts'

/** What seals a cursor; `tenancy/sealing.ts` is one. `open` gives `undefined` for altered or foreign bytes. */
export interface CursorSealer {
  seal(plain: Uint8Array<ArrayBuffer>, context: string): Promise<Uint8Array<ArrayBuffer>>
  open(sealed: Uint8Array<ArrayBuffer>, context: string): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** The state of a search between two pages. */
export interface FrozenSearch {
  /** Hits handed out so far. */
  readonly depth: number
  /** The last one's place. */
  readonly last: RankedPosition
  readonly maxima: LegMaxima
  /** One a collection, in the request's order; `undefined` where no keyword leg ran. */
  readonly statistics: readonly (KeywordStatistics | undefined)[]
  /** The embedded query by space, moved already if the search gave feedback. */
  readonly vectors: { readonly [space: string]: Float32Array }
  readonly degraded: readonly string[]
  /** Under rrf: the sequence of each shard of each collection, so that later writes do not change ranks. */
  readonly sequences?: readonly (readonly number[])[]
}

/** What a cursor is bound to. */
export interface CursorBinding {
  readonly collections: readonly CollectionRecord[]
  /** Canonical JSON of the body without cursor and limit. */
  readonly identity: string
  readonly visibility: Filter | undefined
}

interface Payload {
  readonly format: 1
  readonly expiresAtMs: number
  readonly identity: string
  readonly collections: readonly { readonly id: string; readonly name: string; readonly generation: string }[]
  readonly depth: number
  readonly last: RankedPosition
  readonly maxima: LegMaxima
  readonly statistics: readonly (KeywordStatistics | null)[]
  /** base64url of float32 little-endian. */
  readonly vectors: { readonly [space: string]: string }
  readonly degraded: readonly string[]
  readonly sequences?: readonly (readonly number[])[]
}

const contextOf = ({ collections }: CursorBinding): string => `search-cursor/${collections[0]?.tenantUid ?? ''}`

async function identityOf({ identity, visibility }: CursorBinding): Promise<string> {
  return hex(await sha256(utf8(canonicalJson([identity, visibility ?? null]))))
}

/** Makes the cursor of the next page. */
export async function sealCursor(
  sealer: CursorSealer,
  binding: CursorBinding,
  frozen: FrozenSearch,
  nowMs: number,
): Promise<string> {
  const payload: Payload = {
    format: 1,
    expiresAtMs: nowMs + CURSOR_TTL_MS,
    identity: await identityOf(binding),
    collections: binding.collections.map(({ id, name, generation }) => ({ id, name, generation: generation.id })),
    depth: frozen.depth,
    last: frozen.last,
    maxima: frozen.maxima,
    statistics: frozen.statistics.map((statistics) => statistics ?? null),
    vectors: Object.fromEntries(Object.entries(frozen.vectors).map(([space, v]) => [space, vectorText(v)])),
    degraded: frozen.degraded,
    ...(frozen.sequences === undefined ? {} : { sequences: frozen.sequences }),
  }
  return base64url(await sealer.seal(utf8(JSON.stringify(payload)), contextOf(binding)))
}

/**
 * Opens a cursor for the request that brings it.
 * @throws invalid_request for what is no cursor of this tenant, cursor_expired, cursor_mismatch for another body or
 * collection, cursor_gone when a collection or its generation was replaced
 */
export async function openCursor(
  sealer: CursorSealer,
  binding: CursorBinding,
  cursor: string,
  nowMs: number,
): Promise<FrozenSearch> {
  const sealed = fromBase64url(cursor)
  const plain = sealed && (await sealer.open(sealed, contextOf(binding)))
  if (plain === undefined) throw invalidField('/cursor', 'is not a cursor of this service')
  const payload = JSON.parse(new TextDecoder().decode(plain)) as Payload
  if (payload.expiresAtMs <= nowMs) throw invalidField('/cursor', 'has expired', 'cursor_expired')
  if (payload.identity !== (await identityOf(binding))) throw mismatch()
  checkCollections(payload, binding)
  return {
    depth: payload.depth,
    last: payload.last,
    maxima: payload.maxima,
    statistics: payload.statistics.map((statistics) => statistics ?? undefined),
    vectors: Object.fromEntries(Object.entries(payload.vectors).map(([space, text]) => [space, vectorOf(text)])),
    degraded: payload.degraded,
    ...(payload.sequences === undefined ? {} : { sequences: payload.sequences }),
  }
}

const mismatch = (): Problem => invalidField('/cursor', 'belongs to another request', 'cursor_mismatch')

function checkCollections(payload: Payload, { collections }: CursorBinding): void {
  if (payload.collections.length !== collections.length) throw mismatch()
  for (const [index, collection] of collections.entries()) {
    const sealed = payload.collections[index]
    if (sealed === undefined) throw mismatch()
    // The same name with another id: the collection was deleted and made again.
    if (sealed.id !== collection.id && sealed.name !== collection.name) throw mismatch()
    if (sealed.id !== collection.id || sealed.generation !== collection.generation.id) throw new Problem('cursor_gone')
  }
}

const vectorText = (vector: Float32Array): string =>
  base64url(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))

const vectorOf = (text: string): Float32Array => new Float32Array((fromBase64url(text) ?? new Uint8Array()).buffer)
