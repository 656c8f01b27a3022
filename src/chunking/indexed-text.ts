/** The one spelling of what is embedded and indexed for a chunk; equal strings have equal vectors. */

/** Puts the prefix (title and heading path, may be empty) on a line of its own before the chunk's text. */
export function indexedText(prefix: string, text: string): string {
  return prefix === '' ? text : `${prefix}\n${text}`
}
