/** What parsed JSON costs in memory: an estimate that errs upwards, because it is what the budget is kept by. */
import type { Json } from '../core/canonical-json.ts'

/** Header, pointer and padding of a string; measured in Node 24, as are the others. */
const STRING_BYTES = 32
const ARRAY_BYTES = 48
const OBJECT_BYTES = 72
const MEMBER_BYTES = 32
const SLOT_BYTES = 8
/** A number that is no small integer is boxed. */
const NUMBER_BYTES = 16

/** Estimated bytes of a parsed value. Characters count two bytes unless the text is plain Latin. O(size). */
export function jsonMemoryBytes(value: Json): number {
  if (typeof value === 'string') return STRING_BYTES + value.length * (isLatin1(value) ? 1 : 2)
  if (typeof value === 'number') return NUMBER_BYTES
  if (typeof value !== 'object' || value === null) return 0
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, element) => sum + SLOT_BYTES + jsonMemoryBytes(element), ARRAY_BYTES)
  }
  let bytes = OBJECT_BYTES
  for (const key in value) bytes += MEMBER_BYTES + key.length + jsonMemoryBytes(value[key]!)
  return bytes
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false
  return true
}
