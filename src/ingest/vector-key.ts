/** Names of vectors by what they were made from: chunks with equal keys have equal vectors, so none is computed twice. */
import { hex, sha256, utf8 } from '../core/bytes.ts'
import type { ModelProfile } from '../models/embedder.ts'

const KEY_DIGITS = 32

/** The key of an embedded string: the first 32 hex digits of SHA-256(profile id ‖ NUL ‖ version ‖ NUL ‖ string). */
export async function vectorKeyOfText({ id, version }: ModelProfile, indexedText: string): Promise<string> {
  return hex(await sha256(utf8(`${id}\u0000${version}\u0000${indexedText}`))).slice(0, KEY_DIGITS)
}

/** The key of a vector that a caller brought: by its single-precision values. */
export async function vectorKeyOfVector(vector: Float32Array): Promise<string> {
  const bytes = new Uint8Array(vector.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of vector.entries()) view.setFloat32(index * 4, value, true)
  return hex(await sha256(bytes)).slice(0, KEY_DIGITS)
}
