/** Writes zip archives, honest ones and liars: every field of an entry can be set to something else than the truth. */
import { crc32 } from '../../src/parsing/zip/crc32.ts'
import { deflateSync } from 'fflate'

export interface ZipFile {
  readonly path: string
  readonly data?: Uint8Array | string
  /** Default: true. */
  readonly deflated?: boolean
  /** Bytes of the name as they stand in the archive; default: UTF-8. */
  readonly rawName?: Uint8Array
  /** General purpose flags; default: names are UTF-8. */
  readonly flags?: number
  readonly method?: number
  /** Unix type and permissions. */
  readonly mode?: number
  readonly crc?: number
  readonly size?: number
  readonly compressedSize?: number
  /** Of the local header; default: where it is. */
  readonly offset?: number
  /** Already deflated data, taken as it is. */
  readonly packed?: Uint8Array
  readonly extra?: Uint8Array
  /** Sizes stand behind the data, as streaming writers leave them. */
  readonly descriptor?: boolean
  /** Sizes stand in the extra field, as for files of more than 4 GB. */
  readonly zip64?: boolean
  /** Only the directory has it, no bytes of its own. */
  readonly headerOnly?: boolean
}

export interface ZipOptions {
  readonly comment?: string
  readonly zip64?: boolean
}

const UTF8_FLAG = 0x800

function record(
  length: number,
  fields: readonly (readonly [at: number, bytes: 2 | 4 | 8, value: number])[],
): Uint8Array {
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  for (const [at, size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true)
    else if (size === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
  }
  return bytes
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    result.set(part, at)
    at += part.length
  }
  return result
}

export function writeZip(
  files: readonly ZipFile[],
  { comment = '', zip64 = false }: ZipOptions = {},
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder()
  const body: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let position = 0
  for (const file of files) {
    const data = typeof file.data === 'string' ? encoder.encode(file.data) : (file.data ?? new Uint8Array())
    const method = file.method ?? (file.deflated === false ? 0 : 8)
    const packed = file.packed ?? (file.deflated === false ? data : deflateSync(data))
    const name = file.rawName ?? encoder.encode(file.path)
    const crc = file.crc ?? crc32(data)
    const size = file.size ?? data.length
    const compressedSize = file.compressedSize ?? packed.length
    const flags = (file.flags ?? UTF8_FLAG) | (file.descriptor === true ? 8 : 0)
    const offset = file.offset ?? position
    const large = record(28, [
      [0, 2, 1],
      [2, 2, 24],
      [4, 8, size],
      [12, 8, compressedSize],
      [20, 8, offset],
    ])
    const isLarge = file.zip64 === true
    const extra = joinBytes([file.extra ?? new Uint8Array(), isLarge ? large : new Uint8Array()])
    const isLate = file.descriptor === true
    const common = (at: number, sizes: boolean): [number, 2 | 4, number][] => [
      [at, 2, 45],
      [at + 2, 2, flags],
      [at + 4, 2, method],
      [at + 10, 4, sizes ? crc : 0],
      [at + 14, 4, isLarge ? 0xffffffff : sizes ? compressedSize : 0],
      [at + 18, 4, isLarge ? 0xffffffff : sizes ? size : 0],
      [at + 22, 2, name.length],
    ]
    if (file.headerOnly !== true) {
      const local = [
        record(30, [[0, 4, 0x04034b50], ...common(4, !isLate), [28, 2, file.extra?.length ?? 0]]),
        name,
        file.extra ?? new Uint8Array(),
        packed,
        ...(isLate
          ? [
              record(16, [
                [0, 4, 0x08074b50],
                [4, 4, crc],
                [8, 4, packed.length],
                [12, 4, data.length],
              ]),
            ]
          : []),
      ]
      body.push(...local)
      position += local.reduce((sum, { length }) => sum + length, 0)
    }
    directory.push(
      record(46, [
        [0, 4, 0x02014b50],
        [4, 2, 0x031e],
        ...common(6, true),
        [30, 2, extra.length],
        [38, 4, (file.mode ?? 0) * 65_536],
        [42, 4, isLarge ? 0xffffffff : offset],
      ]),
      name,
      extra,
    )
  }
  const directorySize = directory.reduce((sum, { length }) => sum + length, 0)
  const large = [
    record(56, [
      [0, 4, 0x06064b50],
      [4, 8, 44],
      [24, 8, files.length],
      [32, 8, files.length],
      [40, 8, directorySize],
      [48, 8, position],
    ]),
    record(20, [
      [0, 4, 0x07064b50],
      [8, 8, position + directorySize],
      [16, 4, 1],
    ]),
  ]
  const end = record(22, [
    [0, 4, 0x06054b50],
    [8, 2, Math.min(0xffff, files.length)],
    [10, 2, zip64 ? 0xffff : Math.min(0xffff, files.length)],
    [12, 4, zip64 ? 0xffffffff : directorySize],
    [16, 4, zip64 ? 0xffffffff : position],
    [20, 2, comment.length],
  ])
  return joinBytes([...body, ...directory, ...(zip64 ? large : []), end, encoder.encode(comment)])
}
