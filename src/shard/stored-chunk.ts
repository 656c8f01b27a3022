/** A chunk as a shard gives it out: with its text to readers, with its vector to exports. */
import type { Location } from '../chunking/document-text.ts'

export interface StoredChunk {
  readonly ordinal: number
  readonly start: number
  readonly end: number
  readonly text: string
  readonly headings: readonly string[]
  readonly truncated: boolean
  readonly location?: Location
}

/** Everything of a chunk that is stored. */
export interface ExportedChunk {
  readonly start: number
  readonly end: number
  readonly headings: readonly string[]
  readonly prefix: string
  readonly language: string
  readonly tokens: number
  readonly truncated: boolean
  /** Absent: no vector belongs to the chunk. */
  readonly vectorKey?: string
  /** As stored: `dimensions` signed bytes (`int8`) or little-endian singles (`f32`), of named vectors the packed ones. */
  readonly vector?: Uint8Array
  readonly location?: Location
}
