/**
 * The receipt of an erasure: every store that was touched, and what may remain where until when, said truthfully. Signed,
 * so that the operator can hand it on: a compact JWS whose keys are at `/.well-known/jwks.json`.
 */
import { rfc3339 } from '../core/clock.ts'
import type { ErasureRecord } from './erasure-record.ts'
import type { Signer } from './signing.ts'

export const RECEIPT_TYPE = 'nearfield-erasure+jws'

/** Something that an erasure cannot reach, with its end. */
export interface Remainder {
  readonly store: string
  readonly what: string
  readonly until: string
}

export interface ErasureReceipt {
  readonly id: string
  readonly startedAt: string
  readonly erasedAt: string
  readonly stores: {
    readonly shards: number
    readonly tenantObject: true
    /** Uploaded files. */
    readonly originals: number
    readonly database: {
      readonly keys: number
      readonly collections: number
      readonly jobs: number
      readonly documents: number
      readonly usage: number
      /** Those that the tenant had named; a collection's own is counted with it. */
      readonly models: number
    }
  }
  readonly remains: readonly Remainder[]
}

/** What stays after every erasure. D1 never held content, so only handles can remain there. */
export const REMAINDERS: readonly Remainder[] = [
  {
    store: 'database',
    what: "the tenant's public id with the time of its deletion, so that the id never means another tenant",
    until: 'for ever',
  },
  {
    store: 'database',
    what: 'in free pages of D1: handles of removed rows (ids of keys, collections, models, jobs and documents; names of the tenant, its keys, its collections and its models; digests of keys, sealed keys of model providers), never document content',
    until: 'the database writes over the page',
  },
  {
    store: 'point-in-time recovery',
    what: "earlier states of the database and of the tenant's objects, which only the account's owner can restore",
    until: '30 days after the erasure',
  },
  {
    store: 'caches',
    what: 'vectors of queries under digests from which no query and no tenant can be read: in memory, and of models of providers in the cache of a data centre',
    until: 'the isolate ends; an hour after they were made',
  },
  {
    store: "operator's object",
    what: "this record, and the operator's audit lines about the tenant: its public id, actions, times and request ids",
    until: 'for ever',
  },
  {
    store: 'inbox',
    what: "objects under the tenant's public id, put there by the operator or the tenant's own tools; Nearfield only reads them",
    until: 'whoever put them there deletes them',
  },
  {
    store: 'logs',
    what: 'request lines with the public id, ids of keys, routes and statuses; no texts and no secrets',
    until: "the retention of the operator's logs ends",
  },
]

/** `record` is of an erasure that has ended. */
export function erasureReceipt(record: ErasureRecord & { readonly finishedAtMs: number }): ErasureReceipt {
  const { tenantId, startedAtMs, finishedAtMs, shards, keys, collections, jobs, documents, usage, originals, models } =
    record
  return {
    id: tenantId,
    startedAt: rfc3339(startedAtMs),
    erasedAt: rfc3339(finishedAtMs),
    stores: { shards, tenantObject: true, originals, database: { keys, collections, jobs, documents, usage, models } },
    remains: REMAINDERS,
  }
}

/** The receipt with its signature over all of it. Equal records give equal signatures. */
export async function signedReceipt(
  signer: Signer,
  record: ErasureRecord & { readonly finishedAtMs: number },
): Promise<ErasureReceipt & { readonly receipt: string }> {
  const receipt = erasureReceipt(record)
  return { ...receipt, receipt: await signer.sign(receipt, RECEIPT_TYPE) }
}
