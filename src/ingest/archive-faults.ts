/**
 * What can be wrong with a document of an archive beyond its shape: places outside its text, vectors that were made from
 * something else or that no index can hold. An archive comes from outside, whoever wrote it.
 */
import { indexedText } from '../chunking/indexed-text.ts'
import { textFault } from '../core/canonical-json.ts'
import { MAX_DOCUMENT_VECTOR_VALUES, MAX_MULTI_VECTOR_ROWS } from '../core/limits.ts'
import { unpackVectors } from '../core/packed-vectors.ts'
import { namedVectorsOf, type NamedVectors } from '../models/named-vectors.ts'
import { BRING_YOUR_OWN } from '../models/profiles.ts'
import { vectorBytes, type ArchivedChunk, type ArchivedDocument, type PlannedCollection } from './archive.ts'
import { profileOf } from './prepare-chunks.ts'
import { vectorKeyOfText, vectorKeyOfVector } from './vector-key.ts'

const BYTES_PER_SINGLE = 4
/** The largest magnitude of every vector in int8; `vector/vector-codec.ts`. */
const LARGEST_CODE = 127

/** `undefined` for a good outline; whether the blocks are those of the html, nobody can tell any more. */
export function outlineFault({ text, outline = [] }: Pick<ArchivedDocument, 'text' | 'outline'>): string | undefined {
  if (!outline.every(({ start, end }) => start <= end && end <= text.length)) return 'must lie within the text'
  const strings = outline.flatMap(({ sheet, headings = [] }) => (sheet === undefined ? headings : [sheet, ...headings]))
  return strings.some((part) => textFault(part) !== undefined) ? 'holds characters that are no text' : undefined
}

/** Tells what is wrong with a chunk, or `undefined` for a good one. */
export async function chunkFault(
  chunk: ArchivedChunk,
  { text }: Pick<ArchivedDocument, 'text'>,
  collection: PlannedCollection,
): Promise<string | undefined> {
  const { start, end, prefix, headings, location, vectorKey } = chunk
  if (start > end || end > text.length) return 'must lie within the text'
  if ([prefix, location?.sheet ?? '', ...headings].some((part) => textFault(part) !== undefined))
    return 'holds characters that are no text'
  const vector = vectorBytes(chunk)
  if (vector === undefined) return 'has a vector that is not base64url'
  if (vector.length > 0 !== (vectorKey !== undefined)) return 'must have a vector and its key, or neither'
  if (vectorKey === undefined) return undefined
  const { model, profileId, dimensions, precision } = collection.generation
  const named = namedVectorsOf(model)
  if (named === undefined && vector.length !== dimensions * (precision === 'f32' ? BYTES_PER_SINGLE : 1)) {
    return `must have a vector of ${dimensions} dimensions`
  }
  const fault = named === undefined ? vectorFault(vector, precision) : packedFault(vector, named)
  if (fault !== undefined) return fault
  const key =
    profileId === BRING_YOUR_OWN
      ? await vectorKeyOfVector(singles(vector))
      : await vectorKeyOfText(profileOf(collection), indexedText(prefix, text.slice(start, end)))
  return key === vectorKey ? undefined : 'has a vector that was made from something else'
}

const vectorFault = (vector: Uint8Array<ArrayBuffer>, precision: 'int8' | 'f32'): string | undefined =>
  precision === 'f32' ? singlesFault(singles(vector)) : codesFault(new Int8Array(vector.buffer))

/** As for vectors that are sent with a document. */
function packedFault(bytes: Uint8Array<ArrayBuffer>, named: NamedVectors): string | undefined {
  const vectors = bytes.length % BYTES_PER_SINGLE === 0 ? unpackVectors(named, singles(bytes)) : undefined
  if (vectors === undefined || vectors.size === 0) return 'must have the vectors that the collection names'
  const values = [...vectors.values()].reduce((sum, { length }) => sum + length, 0)
  if (values > MAX_DOCUMENT_VECTOR_VALUES) return 'has too large vectors'
  for (const { name, dimensions } of named) {
    const own = vectors.get(name) ?? new Float32Array()
    if (own.length > dimensions * MAX_MULTI_VECTOR_ROWS) return 'has too large vectors'
    for (let at = 0; at < own.length; at += dimensions) {
      const fault = singlesFault(own.subarray(at, at + dimensions))
      if (fault !== undefined) return fault
    }
  }
  return undefined
}

/** Little-endian singles, whatever the machine. */
function singles(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Float32Array.from({ length: bytes.length / BYTES_PER_SINGLE }, (_, index) => view.getFloat32(index * 4, true))
}

/** As for a vector that is sent with a document. */
function singlesFault(vector: Float32Array): string | undefined {
  if (!vector.every((value) => Number.isFinite(value))) return 'has a vector that is not finite'
  return vector.some((value) => value !== 0) ? undefined : 'has a vector of zeros'
}

/** Any other codes would be stored as others than they came. */
function codesFault(codes: Int8Array): string | undefined {
  const largest = codes.reduce((most, code) => Math.max(most, Math.abs(code)), 0)
  return largest === LARGEST_CODE ? undefined : `has a vector whose largest magnitude is not ${LARGEST_CODE}`
}
