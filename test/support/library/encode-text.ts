/** Texts in encodings that only decoders exist for: what a decoder makes of each pair of bytes, turned around. */

const tables = new Map<string, Map<string, readonly number[]>>()

/** @param encoding a label of one or two bytes for each character, `iso-2022-jp`, or UTF-16 and UTF-8 */
export function encodeText(text: string, encoding: string): Uint8Array<ArrayBuffer> {
  if (encoding === 'utf-8') return new Uint8Array(new TextEncoder().encode(text))
  if (encoding === 'utf-16le' || encoding === 'utf-16be') return utf16(text, encoding === 'utf-16le')
  if (encoding === 'iso-2022-jp') return iso2022(text)
  const table = tableOf(encoding)
  return Uint8Array.from(Array.from(text).flatMap((character) => bytesOf(table, character, encoding)))
}

function utf16(text: string, isLittle: boolean): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(text.length * 2))
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), isLittle)
  return new Uint8Array(view.buffer)
}

/** The set of JIS X 0208 is EUC-JP's without its high bits, between two shifts. */
function iso2022(text: string): Uint8Array<ArrayBuffer> {
  const table = tableOf('euc-jp')
  const bytes: number[] = []
  let isShifted = false
  for (const character of text) {
    const code = bytesOf(table, character, 'iso-2022-jp')
    if (code.length > 1 !== isShifted) {
      isShifted = !isShifted
      bytes.push(0x1b, ...(isShifted ? [0x24, 0x42] : [0x28, 0x42]))
    }
    bytes.push(...code.map((byte) => byte & 0x7f))
  }
  if (isShifted) bytes.push(0x1b, 0x28, 0x42)
  return Uint8Array.from(bytes)
}

function bytesOf(table: Map<string, readonly number[]>, character: string, encoding: string): readonly number[] {
  const bytes = table.get(character)
  if (bytes === undefined) throw new Error(`${character} is not in ${encoding}`)
  return bytes
}

function tableOf(encoding: string): Map<string, readonly number[]> {
  const known = tables.get(encoding)
  if (known !== undefined) return known
  const table = new Map<string, readonly number[]>()
  const decoder = new TextDecoder(encoding)
  const learn = (bytes: readonly number[]): void => {
    const text = decoder.decode(Uint8Array.from(bytes))
    if (Array.from(text).length === 1 && text !== '\ufffd' && !table.has(text)) table.set(text, bytes)
  }
  for (let first = 0; first < 256; first++) learn([first])
  for (let first = 0x81; first < 0xff; first++) for (let second = 0x40; second < 0xff; second++) learn([first, second])
  tables.set(encoding, table)
  return table
}
