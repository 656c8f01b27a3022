/**
 * Reads the container of a model's weights (docs/model-format.md): a header with the shape of the network, a table of named
 * sections, the sections. Everything is little-endian; sections are views, nothing is copied.
 */
import { invariant } from '../../core/invariant.ts'

const MAGIC = 'NFMODEL\0'
const VERSION = 1
const HEADER_BYTES = 48
const ENTRY_BYTES = 16
const NAME_BYTES = 8

export interface ModelShape {
  readonly dimensions: number
  readonly layers: number
  readonly heads: number
  readonly intermediate: number
  readonly maxTokens: number
  readonly vocabulary: number
}

export interface ModelFile {
  readonly shape: ModelShape
  /** Finds a section by name; a missing one is a bug of the build. */
  section(name: string): Uint8Array<ArrayBuffer>
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** Checks magic, version and bounds. Contents are vouched for by the hash in the file's name, which a test compares. */
export function readModelFile(buffer: ArrayBuffer): ModelFile {
  invariant(buffer.byteLength >= HEADER_BYTES, 'a model file has a header')
  const view = new DataView(buffer)
  const u32 = (offset: number): number => view.getUint32(offset, true)
  invariant(ascii(new Uint8Array(buffer, 0, MAGIC.length)) === MAGIC, 'a model file starts with its magic')
  invariant(u32(8) === VERSION, `a model file has version ${VERSION}`)
  const count = u32(40)
  invariant(u32(12) === HEADER_BYTES + count * ENTRY_BYTES, 'the header ends behind the table')
  const sections = new Map<string, Uint8Array<ArrayBuffer>>()
  for (let i = 0; i < count; i++) {
    const entry = HEADER_BYTES + i * ENTRY_BYTES
    const name = ascii(new Uint8Array(buffer, entry, NAME_BYTES)).replace(/\0+$/, '')
    const [offset, bytes] = [u32(entry + NAME_BYTES), u32(entry + NAME_BYTES + 4)]
    invariant(offset + bytes <= buffer.byteLength, `section ${name} lies in the file`)
    sections.set(name, new Uint8Array(buffer, offset, bytes))
  }
  return {
    shape: {
      dimensions: u32(16),
      layers: u32(20),
      heads: u32(24),
      intermediate: u32(28),
      maxTokens: u32(32),
      vocabulary: u32(36),
    },
    section(name) {
      const section = sections.get(name)
      invariant(section !== undefined, `the model file has a section ${name}`)
      return section
    },
  }
}
