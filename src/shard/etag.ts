/** Entity tags of documents (RFC 9110, section 8.8.3): strong, and another one for each version. */

export function etagOf(version: number, contentHash: string): string {
  return `"${version}-${contentHash.slice(0, 12)}"`
}

/** Evaluates `If-Match`: a list of tags, or `*` for any existing version. A weak tag never matches. */
export function matchesEtag(ifMatch: string, current: string | undefined): boolean {
  if (current === undefined) return false
  if (ifMatch.trim() === '*') return true
  return ifMatch.split(',').some((tag) => tag.trim() === current)
}
