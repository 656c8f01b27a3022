/** Which documents a deletion is of, and who asks for it. */
import type { Filter } from '../metadata/filter.ts'
import type { WriteContext } from './shard-api.ts'

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
