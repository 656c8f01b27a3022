/** Pages of the catalogue's lists on the wire: keyset positions, sealed and bound to what is listed. */
import type { Page, PageRequest } from '../catalog/records.ts'
import { DEFAULT_LIST_LIMIT, PUBLIC_KEY_MAX_LISTED } from '../core/limits.ts'
import { invalidField } from '../core/problem.ts'
import { openListCursor, sealListCursor } from '../ingest/list-cursor.ts'
import type { Principal } from '../tenancy/principal.ts'
import type { Sealer } from '../tenancy/sealing.ts'

interface ListQuery {
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

/** Pages of lists are shorter for keys that lie open in a website. @throws invalid_request */
export function narrowPage<Query extends ListQuery>(query: Query, { kind }: Pick<Principal, 'kind'>): Query {
  if (kind !== 'public') return query
  const { limit = PUBLIC_KEY_MAX_LISTED } = query
  if (limit <= PUBLIC_KEY_MAX_LISTED) return { ...query, limit }
  throw invalidField('/limit', `must be an integer from 1 to ${PUBLIC_KEY_MAX_LISTED} for public keys`)
}

/**
 * Reads one page and shows it. `scope` names the list, such as `keys/<tenant uid>`: a cursor of another list is refused.
 * @throws invalid_request for what is no cursor of this list
 */
export async function listPage<Item, View>(
  sealer: Sealer,
  scope: string,
  { limit = DEFAULT_LIST_LIMIT, cursor }: ListQuery,
  read: (page: PageRequest) => Promise<Page<Item>>,
  view: (item: Item) => View,
): Promise<{ data: View[]; nextCursor: string | null }> {
  const after = cursor === undefined ? undefined : await openListCursor(sealer, scope, cursor)
  const { data, nextAfter } = await read({ limit, ...(after === undefined ? {} : { after }) })
  return {
    data: data.map(view),
    nextCursor: nextAfter === undefined ? null : await sealListCursor(sealer, scope, nextAfter),
  }
}
