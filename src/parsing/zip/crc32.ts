/** The checksum of zip archives (ISO 3309, reflected polynomial 0xedb88320), four bytes a round. */

const TABLES = makeTables()

/** @param crc of what came before, 0 at the beginning */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const [first, second, third, fourth] = TABLES
  let value = ~crc
  let at = 0
  for (const end = bytes.length - 3; at < end; at += 4) {
    value ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    value = fourth[value & 0xff]! ^ third[(value >>> 8) & 0xff]! ^ second[(value >>> 16) & 0xff]! ^ first[value >>> 24]!
  }
  for (; at < bytes.length; at++) value = (value >>> 8) ^ first[(value ^ bytes[at]!) & 0xff]!
  return ~value >>> 0
}

function makeTables(): [Int32Array, Int32Array, Int32Array, Int32Array] {
  const tables: [Int32Array, Int32Array, Int32Array, Int32Array] = [
    new Int32Array(256),
    new Int32Array(256),
    new Int32Array(256),
    new Int32Array(256),
  ]
  for (let index = 0; index < 256; index++) {
    let value = index
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    tables[0][index] = value
  }
  for (let table = 1; table < 4; table++) {
    for (let index = 0; index < 256; index++) {
      const value = tables[table - 1]![index]!
      tables[table]![index] = (value >>> 8) ^ tables[0][value & 0xff]!
    }
  }
  return tables
}
