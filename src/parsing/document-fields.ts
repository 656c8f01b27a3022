/** What files say of their documents in passing, taken over only where it is what it should be. */

const MAX_URL_LENGTH = 2_048

/** An absolute http or https address, as it would be requested, or `undefined`. */
export function webAddress(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > MAX_URL_LENGTH) return undefined
  const text = value.trim()
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { href, username, password } = new URL(text)
  return username === '' && password === '' ? href : undefined
}

/** A BCP 47 tag such as `pt-BR`, or `undefined`. `pt_BR` counts as one. */
export function languageTag(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const tag = value.trim().replaceAll('_', '-')
  return /^[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}$/i.test(tag) ? tag : undefined
}
