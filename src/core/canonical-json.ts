/** JSON values, their canonical form (keys sorted by UTF-16 code units, as RFC 8785 orders them), and text hygiene. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }
export type JsonObject = { [key: string]: Json }

/** Serialises with sorted keys and no white space; equal values give equal strings. Skips `undefined` members. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`
  }
  return JSON.stringify(value)
}

/** Tells why a text cannot be stored, or `undefined` when it can: NUL bytes and lone surrogates are refused. */
export function textFault(text: string): string | undefined {
  if (text.includes('\u0000')) return 'must not contain NUL'
  if (!text.isWellFormed()) return 'must not contain a lone surrogate'
  return undefined
}
