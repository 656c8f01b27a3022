/**
 * How one vector lies in storage. `int8`: one signed byte a dimension and one scale, for models' vectors; `f32`: as the
 * caller sent it. In both, `scale` makes the stored values unit length, so a cosine is one dot product and one product.
 */
import { invariant } from '../core/invariant.ts'

export type Precision = 'int8' | 'f32'

export interface StoredVector {
  /** `dimensions` values, one byte (int8) or four bytes (f32, little-endian) each. */
  readonly bytes: Uint8Array
  /** 1 / length of the stored values. */
  readonly scale: number
}

/** Bytes of one dimension. */
export const precisionBytes = (precision: Precision): number => (precision === 'int8' ? 1 : 4)

export function encodeVector(vector: Float32Array, precision: Precision): StoredVector {
  return precision === 'int8' ? quantise(vector) : keep(vector)
}

/** Stored values as the scan reads them: the raw bytes of int8 (two's complement), or f32 numbers. */
export type VectorValues = Uint8Array | Float32Array

/** The stored values times `scale` for int8 (unit length), the values as sent for f32. */
export function decodeVector(values: VectorValues, scale: number): Float32Array {
  return values instanceof Float32Array ? values.slice() : Float32Array.from(values, (byte) => SIGNED[byte]! * scale)
}

/** Views stored bytes, which start at offset 0 of their buffer, as values; no copy. */
export function viewValues(bytes: Uint8Array, precision: Precision): VectorValues {
  return precision === 'int8' ? bytes : new Float32Array(bytes.buffer)
}

/** The direction of a query in double precision: unit length. */
export function unitQuery(query: Float32Array): Float64Array {
  const scale = inverseLength(query)
  return Float64Array.from(query, (value) => value * scale)
}

/**
 * Symmetric scalar quantisation: the largest magnitude becomes ±127, and the scale is then chosen so that the result,
 * not the original, has unit length. That removes the error along the vector itself, the part which moves a cosine most.
 */
function quantise(vector: Float32Array): StoredVector {
  let largest = 0
  for (const value of vector) largest = Math.max(largest, Math.abs(value))
  invariant(largest > 0 && Number.isFinite(largest), 'a stored vector is finite and not zero')
  const codes = Int8Array.from(vector, (value) => Math.round((value / largest) * 127))
  return { bytes: new Uint8Array(codes.buffer), scale: inverseLength(codes) }
}

function keep(vector: Float32Array): StoredVector {
  return { bytes: new Uint8Array(vector.slice().buffer), scale: inverseLength(vector) }
}

/** 1 / length of a vector that is finite and not zero. */
export function inverseLength(vector: Int8Array | Float32Array): number {
  let squares = 0
  for (const value of vector) squares += value * value
  invariant(squares > 0 && Number.isFinite(squares), 'a vector is finite and not zero')
  return 1 / Math.sqrt(squares)
}

/**
 * Dot product of a unit query with `query.length` stored values from `offset`. Four partial sums in a fixed order: the
 * result depends on the two vectors alone, never on where they lie.
 */
export function dot(query: Float64Array, values: VectorValues, offset: number): number {
  // One body a type: each stays monomorphic, which is what makes the loop fast.
  return values instanceof Float32Array ? dotFloat32(query, values, offset) : dotInt8(query, values, offset)
}

/** Byte to signed number; a look-up is faster than the conversion from integer to double. */
const SIGNED = Float64Array.from({ length: 256 }, (_, byte) => (byte < 128 ? byte : byte - 256))

function dotInt8(query: Float64Array, bytes: Uint8Array, offset: number): number {
  const length = query.length
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 4 <= length; i += 4) {
    a += query[i]! * SIGNED[bytes[offset + i]!]!
    b += query[i + 1]! * SIGNED[bytes[offset + i + 1]!]!
    c += query[i + 2]! * SIGNED[bytes[offset + i + 2]!]!
    d += query[i + 3]! * SIGNED[bytes[offset + i + 3]!]!
  }
  for (; i < length; i++) a += query[i]! * SIGNED[bytes[offset + i]!]!
  return a + b + (c + d)
}

function dotFloat32(query: Float64Array, values: Float32Array, offset: number): number {
  const length = query.length
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  let i = 0
  for (; i + 4 <= length; i += 4) {
    a += query[i]! * values[offset + i]!
    b += query[i + 1]! * values[offset + i + 1]!
    c += query[i + 2]! * values[offset + i + 2]!
    d += query[i + 3]! * values[offset + i + 3]!
  }
  for (; i < length; i++) a += query[i]! * values[offset + i]!
  return a + b + (c + d)
}
