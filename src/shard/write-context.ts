/** Who writes or deletes, with which rights, and which documents a deletion is of. */
import type { Allowance } from '../core/usage.ts'
import type { Filter } from '../metadata/filter.ts'

/** The model of a collection that was made with none, once its first documents have chosen it. */
export interface ChosenModel {
  readonly generation: string
  readonly profileId: string
  readonly profileVersion?: number
  readonly pricePerMillionTokens?: number
}

export interface WriteContext {
  /** The key that pays, for the change log. */
  readonly keyId: string
  /** The key's forced filter: old and new version must both match, else `outside_filter`. */
  readonly filter?: Filter
  /** What the tenant's object allows this write to use. What is reserved cannot be spent once it has expired: `retry`. */
  readonly allowance: Allowance
  /** The space of the vectors that are written; in another than the shard's they are refused. See `models/vector-space.ts`. */
  readonly space?: string
  /** What a shard that was set up with the choice open is from now on; see `shard-setup.ts`. All others know already. */
  readonly chosen?: ChosenModel
  /**
   * False for callers that cannot send an acl: a write without one over a version that has one would drop it, so it is
   * `outside_filter`.
   */
  readonly mayWriteAcl: boolean
}

/** With `versions`, one for each id, only those are deleted of which nothing newer was accepted. */
export type DeleteSelection =
  | { readonly ids: readonly string[]; readonly versions?: readonly number[] }
  | { readonly filter: Filter }

export type DeleteContext = WriteContext & { readonly visibility?: Filter; readonly ifMatch?: string }

export interface Deleted {
  readonly deleted: number
  /** Position in the change log from which the deletion holds. */
  readonly sequence: number
}
