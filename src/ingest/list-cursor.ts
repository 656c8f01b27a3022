/** Cursors of lists: the key of the last item, sealed and bound to what is listed. They do not expire. */
import { base64url, fromBase64url, utf8 } from '../core/bytes.ts'
import { invalidField } from '../core/problem.ts'
import type { ListSealer } from './ingest-dependencies.ts'

/** `scope` names the tenant and the list, such as `documents/<tenant uid>/<collection id>`. */
export async function sealListCursor(sealer: ListSealer, scope: string, after: string): Promise<string> {
  return base64url(await sealer.seal(utf8(after), `list-cursor/${scope}`))
}

/** @throws invalid_request for what is no cursor of this list */
export async function openListCursor(sealer: ListSealer, scope: string, cursor: string): Promise<string> {
  const sealed = fromBase64url(cursor)
  const plain = sealed && (await sealer.open(sealed, `list-cursor/${scope}`))
  if (plain === undefined) throw invalidField('/cursor', 'is not a cursor of this list')
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain)
}
