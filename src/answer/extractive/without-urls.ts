/** Addresses are removed from answers, which are shown as text; the quote beside them keeps them. */

/**
 * Replaces links by their words and drops bare addresses; what is left is otherwise as it was quoted. O(length): what a
 * pattern may look back or ahead over is counted.
 */
export function withoutUrls(text: string): string {
  return text
    .replace(/!\[([^[\]]{0,500})\]\([^()\s]{0,2000}(?:\s+"[^"]{0,500}")?\)/g, '$1')
    .replace(/\[([^[\]]{1,500})\]\([^()\s]{0,2000}(?:\s+"[^"]{0,500}")?\)/g, '$1')
    .replace(/<(?:https?|ftp|mailto):[^<>\s]{1,2000}>/gi, '')
    .replace(/\b(?:https?|ftp):\/\/[^\s<>"'`|]+?(?=[.,;:!?)\]}»”’]{0,20}(?:[\s<>"'`|]|$))/gi, '')
    .replace(/\bwww\.[^\s<>"'`|]+?(?=[.,;:!?)\]}»”’]{0,20}(?:[\s<>"'`|]|$))/gi, '')
    .replace(/\(\s*\)|\[\s*\]/g, '')
    .replace(/(?<![ \t])[ \t]+([.,;:!?])(?=\s|$)/g, '$1')
    .replace(/[ \t]{2,}/g, ' ')
    .trim()
}
