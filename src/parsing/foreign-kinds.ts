/** Files that are not read, told by their first bytes, so that a fault can name what was sent. */

interface Signature {
  readonly kind: string
  /** Latin-1; `.` is any byte. */
  readonly bytes: string
  readonly offset?: number
  /** Too short to count in what might be text. */
  readonly isWeak?: true
}

const SIGNATURES: readonly Signature[] = [
  { kind: 'a PNG picture', bytes: '\u0089PNG' },
  { kind: 'a JPEG picture', bytes: 'ÿØÿ' },
  { kind: 'a GIF picture', bytes: 'GIF87a' },
  { kind: 'a GIF picture', bytes: 'GIF89a' },
  { kind: 'a TIFF picture', bytes: 'II*\0' },
  { kind: 'a TIFF picture', bytes: 'MM\0*' },
  { kind: 'a WebP picture', bytes: 'RIFF....WEBP' },
  { kind: 'a Photoshop picture', bytes: '8BPS' },
  { kind: 'an icon', bytes: '\0\0\u0001\0' },
  { kind: 'a BMP picture', bytes: 'BM', isWeak: true },
  { kind: 'an audio recording', bytes: 'RIFF....WAVE' },
  { kind: 'a video', bytes: 'RIFF....AVI ' },
  { kind: 'an audio recording', bytes: 'ID3', isWeak: true },
  { kind: 'an audio recording', bytes: 'ÿû', isWeak: true },
  { kind: 'an audio recording', bytes: 'fLaC' },
  { kind: 'an audio recording', bytes: 'OggS' },
  { kind: 'a picture, video or audio recording', bytes: 'ftyp', offset: 4 },
  { kind: 'a video', bytes: '\u001aEß£' },
  { kind: 'a gzip archive', bytes: '\u001f\u008b' },
  { kind: 'a bzip2 archive', bytes: 'BZh.1AY&SY' },
  { kind: 'an xz archive', bytes: 'ý7zXZ\0' },
  { kind: 'a Zstandard archive', bytes: '(µ/ý' },
  { kind: 'a RAR archive', bytes: 'Rar!\u001a\u0007' },
  { kind: 'a 7-Zip archive', bytes: "7z¼¯'\u001c" },
  { kind: 'a tar archive', bytes: 'ustar', offset: 257 },
  { kind: 'a Windows program', bytes: 'MZ', isWeak: true },
  { kind: 'a program', bytes: '\u007fELF' },
  { kind: 'a program', bytes: 'Ïúíþ' },
  { kind: 'a program', bytes: 'Êþº¾' },
  { kind: 'a WebAssembly module', bytes: '\0asm' },
  { kind: 'an SQLite database', bytes: 'SQLite format 3\0' },
  { kind: 'a Parquet table', bytes: 'PAR1' },
  { kind: 'a font', bytes: 'wOFF' },
  { kind: 'a font', bytes: 'wOF2' },
  { kind: 'a font', bytes: 'OTTO\0' },
  { kind: 'an old office document', bytes: 'ÐÏ\u0011à¡±\u001aá' },
  { kind: 'an Outlook archive', bytes: '!BDN' },
  { kind: 'a DjVu document', bytes: 'AT&TFORM' },
  { kind: 'a Kindle book', bytes: 'BOOKMOBI', offset: 60 },
  { kind: 'an RTF document', bytes: '{\\rtf' },
  { kind: 'a PostScript document', bytes: '%!PS' },
]

/** What a file is that is not read, with its article, such as `a PNG picture`; `undefined`: none of the known ones. */
export function foreignKind(head: Uint8Array, isBinary: boolean): string | undefined {
  return SIGNATURES.find(
    ({ bytes, offset = 0, isWeak }) => (isBinary || isWeak === undefined) && startsWith(head, bytes, offset),
  )?.kind
}

function startsWith(head: Uint8Array, bytes: string, offset: number): boolean {
  if (head.length < offset + bytes.length) return false
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== '.' && bytes.charCodeAt(i) !== head[offset + i]) return false
  }
  return true
}
