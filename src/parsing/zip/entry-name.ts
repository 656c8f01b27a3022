/** In which characters is the name of an archive's entry written? UTF-8 where it says so or can be, else code page 437. */
import { FileFault } from '../file-fault.ts'
import { crc32 } from './crc32.ts'

/** The upper half of IBM code page 437, from 0x80. */
const UPPER_HALF =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0'

/**
 * Many programs write UTF-8 and do not set the flag; what is no valid UTF-8 is read as the format's own code page. In
 * composed form, so that the same name from macOS and from elsewhere is the same file.
 * @throws FileFault malformed_file when it should be UTF-8 and is not
 */
export function decodeEntryName(name: Uint8Array, extra: Uint8Array, isUtf8: boolean): string {
  const decoded = decodeUtf8(unicodeName(name, extra) ?? name)
  if (decoded === undefined && isUtf8) throw new FileFault('malformed_file', 'the name of an entry is not valid UTF-8')
  return (decoded ?? decodeCodePage437(name)).normalize('NFC')
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function decodeCodePage437(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : (UPPER_HALF[byte - 0x80] ?? ''))).join(
    '',
  )
}

/** The name in Info-ZIP's Unicode path field (0x7075), if it still belongs to the plain one. */
function unicodeName(name: Uint8Array, extra: Uint8Array): Uint8Array | undefined {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength)
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + view.getUint16(at + 2, true)
    if (end > extra.length) return undefined
    if (view.getUint16(at, true) === 0x7075 && end - at >= 9 && view.getUint32(at + 5, true) === crc32(name)) {
      return extra.subarray(at + 9, end)
    }
    at = end
  }
  return undefined
}
