/** Who may read a document: the list that a caller sends with it. Tokens whose principals meet it see the document. */
import { isJsonObject, pointerTo, type Faults } from '../core/faults.ts'
import { utf8Length } from '../core/bytes.ts'
import { MAX_PRINCIPAL_BYTES, MAX_PRINCIPALS } from '../core/limits.ts'
import { Problem } from '../core/problem.ts'
import { isRestricted } from '../tenancy/principal.ts'

// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/

/** Checks an acl; what is wrong with it is noted. */
export function parseAcl(value: unknown, pointer: string, faults: Faults): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_PRINCIPALS) {
    faults.add(pointer, `must be an array of 1 to ${MAX_PRINCIPALS} strings`)
    return []
  }
  const seen = new Set<string>()
  for (const [index, item] of value.entries()) {
    const at = pointerTo(pointer, index)
    const entry = faults.text(item, at)
    if (entry === undefined) continue
    if (entry === '' || utf8Length(entry) > MAX_PRINCIPAL_BYTES) {
      faults.add(at, `must be 1 to ${MAX_PRINCIPAL_BYTES} bytes`)
    } else if (CONTROL_CHARACTER.test(entry)) faults.add(at, 'must not contain control characters')
    else if (seen.has(entry)) faults.add(at, 'is named twice')
    seen.add(entry)
  }
  return [...seen]
}

/**
 * Refuses an `acl` from a credential that may not set one, `null` included. It looks at nothing else, so that it can go
 * before everything that is checked.
 * @throws forbidden
 */
export function refuseAcl(body: unknown, credential: { readonly kind: string }): void {
  if (!isRestricted(credential) || !isJsonObject(body)) return
  const { documents } = body
  const places = Array.isArray(documents) ? documents.map((item, at) => [`/documents/${at}`, item] as const) : []
  for (const [pointer, place] of [['', body] as const, ...places]) {
    if (!isJsonObject(place) || place['acl'] === undefined) continue
    const detail = 'is refused for public keys and tokens'
    throw new Problem('forbidden', `${pointer}/acl ${detail}`, { errors: [{ pointer: `${pointer}/acl`, detail }] })
  }
}
