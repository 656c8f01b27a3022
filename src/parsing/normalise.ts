/** The only change that a document's text undergoes. */

/** Turns CRLF and CR into LF. */
export function normaliseNewlines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text
}
