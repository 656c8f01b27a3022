/**
 * Files of the compound format (OLE, [MS-CFB]) are never read; which one it is decides what its sender can do about it:
 * office files with a password are wrapped in it, and .doc, .xls, .ppt and .msg are written in it.
 */
import { FileFault } from './file-fault.ts'
import type { FileBytes } from './parsed-document.ts'

const MAGIC = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]
/** Of the directory: names of what a file holds stand in its first sectors. */
const DIRECTORY_BYTES = 4_096
const ENTRY_BYTES = 128

/** Whether a file begins as one of the compound format. */
export function isOleContainer(head: Uint8Array): boolean {
  return MAGIC.every((byte, index) => head[index] === byte)
}

const KINDS: readonly (readonly [stream: RegExp, detail: string])[] = [
  [/^WordDocument$/, 'old Word files are not read; save it as .docx'],
  [/^(?:Workbook|Book)$/, 'old Excel files are not read; save it as .xlsx'],
  [/^PowerPoint Document$/, 'old PowerPoint files are not read; save it as .pptx'],
  [/^__properties_version/, 'Outlook messages are not read; save it as .eml'],
]

/** Why a file of the compound format cannot be read: `encrypted_file` or `unsupported_format`, or `malformed_file`. */
export async function oleFault(bytes: FileBytes): Promise<FileFault> {
  const header = await bytes.read(0, 512)
  if (header.length < 512) return new FileFault('malformed_file')
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  const sectorBytes = view.getUint16(30, true) === 12 ? 4_096 : 512
  const directory = await bytes.read((view.getUint32(48, true) + 1) * sectorBytes, DIRECTORY_BYTES)
  const names = new Set<string>()
  for (let at = 0; at + ENTRY_BYTES <= directory.length; at += ENTRY_BYTES) {
    const name = new TextDecoder('utf-16le').decode(directory.subarray(at, at + 64))
    names.add(name.slice(0, Math.max(0, name.indexOf('\0'))))
  }
  if (names.has('EncryptedPackage') || names.has('EncryptionInfo')) return new FileFault('encrypted_file')
  for (const [stream, detail] of KINDS) {
    for (const name of names) if (stream.test(name)) return new FileFault('unsupported_format', detail)
  }
  return new FileFault('unsupported_format')
}
