/** Writes PDFs for tests: pages of placed text in the fonts that readers find hard, pictures, bookmarks, and what is wrong on purpose. */
import { deflateSync } from 'node:zlib'

/**
 * `latin`: Helvetica in WinAnsi. `japanese`, `japanese-vertical`, `chinese`, `korean`: fonts that are not embedded, with
 * one of Adobe's maps. `unicode`: codes are UTF-16 units with a map of the file's own.
 */
export type PdfFont = 'latin' | 'japanese' | 'japanese-vertical' | 'chinese' | 'korean' | 'unicode'

export interface PdfLine {
  readonly text: string
  readonly x?: number
  /** From the bottom. */
  readonly y: number
  readonly size?: number
  readonly font?: PdfFont
}

export interface PdfOptions {
  readonly info?: Readonly<Record<string, string>>
  readonly bookmarks?: readonly { title: string; page: number }[]
  readonly compress?: boolean
  /** Without a cross-reference table, so that a reader must look for the objects. */
  readonly noXref?: boolean
  /** Pixels of a picture that fills each page. */
  readonly image?: { width: number; height: number }
  readonly language?: string
}

const CID_FONTS: Readonly<Record<string, { name: string; ordering: string; map: string }>> = {
  japanese: { name: 'KozMinPro-Regular', ordering: 'Japan1', map: 'UniJIS-UCS2-H' },
  'japanese-vertical': { name: 'KozMinPro-Regular', ordering: 'Japan1', map: 'UniJIS-UCS2-V' },
  chinese: { name: 'STSong-Light', ordering: 'GB1', map: 'UniGB-UCS2-H' },
  korean: { name: 'HYSMyeongJo-Medium', ordering: 'Korea1', map: 'UniKS-UCS2-H' },
}

const utf16Hex = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0')).join('')

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

const literal = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? `(${text.replace(/[\\()]/g, '\\$&')})` : `<feff${utf16Hex(text)}>`

/** Objects by number, and the file made of them. */
export class PdfWriter {
  readonly #objects: (Buffer | undefined)[] = []

  /** A number for an object that comes later. */
  reserve(): number {
    return this.#objects.push(undefined)
  }

  set(number: number, body: string): number {
    this.#objects[number - 1] = latin1(body)
    return number
  }

  add(body: string): number {
    return this.set(this.reserve(), body)
  }

  /** `dictionary` without its brackets and length. */
  addStream(dictionary: string, data: Uint8Array, length = data.length): number {
    const number = this.reserve()
    const head = latin1(`<< ${dictionary} /Length ${length} >>\nstream\n`)
    this.#objects[number - 1] = Buffer.concat([head, data, latin1('\nendstream')])
    return number
  }

  addFlate(dictionary: string, data: Uint8Array): number {
    return this.addStream(`${dictionary} /Filter /FlateDecode`, deflateSync(data))
  }

  finish(trailer: string, { noXref = false } = {}): Uint8Array<ArrayBuffer> {
    const parts: Buffer[] = [latin1('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n')]
    let length = parts[0]!.length
    const offsets: number[] = []
    for (const [i, body] of this.#objects.entries()) {
      const object = Buffer.concat([latin1(`${i + 1} 0 obj\n`), body ?? latin1('null'), latin1('\nendobj\n')])
      offsets.push(length)
      parts.push(object)
      length += object.length
    }
    const size = this.#objects.length + 1
    const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
    parts.push(
      latin1(
        noXref
          ? `trailer\n<< /Size ${size} ${trailer} >>\n%%EOF\n`
          : `xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} ${trailer} >>\nstartxref\n${length}\n%%EOF\n`,
      ),
    )
    return new Uint8Array(Buffer.concat(parts))
  }
}

function addFont(pdf: PdfWriter, font: PdfFont): number {
  const cid = CID_FONTS[font]
  if (font === 'latin') {
    return pdf.add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>')
  }
  const { name, ordering, map } = cid ?? { name: 'Nameless', ordering: 'Identity', map: 'Identity-H' }
  const descendant = pdf.add(
    `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /${name} /DW ${cid === undefined ? 500 : 1000} ` +
      `/CIDSystemInfo << /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >> >>`,
  )
  const toUnicode =
    cid === undefined
      ? `/ToUnicode ${pdf.addStream('', latin1('begincmap\n1 beginbfrange\n<0000> <ffff> <0000>\nendbfrange\nendcmap'))} 0 R`
      : ''
  return pdf.add(
    `<< /Type /Font /Subtype /Type0 /BaseFont /${name} /Encoding /${map} /DescendantFonts [${descendant} 0 R] ${toUnicode} >>`,
  )
}

/** One PDF of placed lines. */
export function writePdf(pages: readonly (readonly PdfLine[])[], options: PdfOptions = {}): Uint8Array<ArrayBuffer> {
  const pdf = new PdfWriter()
  const fonts = new Map<PdfFont, number>()
  for (const { font = 'latin' } of pages.flat()) if (!fonts.has(font)) fonts.set(font, addFont(pdf, font))
  const tree = pdf.reserve()
  const { image, compress = true } = options
  const picture =
    image === undefined
      ? undefined
      : pdf.addFlate(
          `/Type /XObject /Subtype /Image /Width ${image.width} /Height ${image.height} /ColorSpace /DeviceGray /BitsPerComponent 8`,
          new Uint8Array(image.width * image.height),
        )
  const numbers = pages.map((lines) => {
    const shows = lines.map(({ text, x = 72, y, size = 12, font = 'latin' }) => {
      const code = font === 'latin' ? Buffer.from(text, 'latin1').toString('hex') : utf16Hex(text)
      return `BT /${font} ${size} Tf 1 0 0 1 ${x} ${y} Tm <${code}> Tj ET`
    })
    const content = latin1(
      [...(picture === undefined ? [] : ['q 612 0 0 792 0 0 cm /picture Do Q']), ...shows].join('\n'),
    )
    const stream = compress ? pdf.addFlate('', content) : pdf.addStream('', content)
    const named = [...fonts].map(([font, number]) => `/${font} ${number} 0 R`).join(' ')
    return pdf.add(
      `<< /Type /Page /Parent ${tree} 0 R /MediaBox [0 0 612 792] /Contents ${stream} 0 R ` +
        `/Resources << /Font << ${named} >> ${picture === undefined ? '' : `/XObject << /picture ${picture} 0 R >>`} >> >>`,
    )
  })
  pdf.set(
    tree,
    `<< /Type /Pages /Count ${pages.length} /Kids [${numbers.map((number) => `${number} 0 R`).join(' ')}] >>`,
  )
  const outlines = addBookmarks(pdf, options.bookmarks ?? [], numbers)
  const language = options.language === undefined ? '' : `/Lang (${options.language})`
  const root = pdf.add(`<< /Type /Catalog /Pages ${tree} 0 R ${outlines} ${language} >>`)
  const fields = Object.entries(options.info ?? {}).map(([key, value]) => `/${key} ${literal(value)}`)
  const info = fields.length === 0 ? '' : `/Info ${pdf.add(`<< ${fields.join(' ')} >>`)} 0 R`
  return pdf.finish(`/Root ${root} 0 R ${info}`, { noXref: options.noXref ?? false })
}

function addBookmarks(pdf: PdfWriter, bookmarks: readonly { title: string; page: number }[], pages: readonly number[]) {
  if (bookmarks.length === 0) return ''
  const root = pdf.reserve()
  const numbers = bookmarks.map(() => pdf.reserve())
  for (const [i, { title, page }] of bookmarks.entries()) {
    const next = numbers[i + 1] === undefined ? '' : `/Next ${numbers[i + 1]} 0 R`
    pdf.set(
      numbers[i]!,
      `<< /Title ${literal(title)} /Parent ${root} 0 R ${next} /Dest [${pages[page - 1]} 0 R /Fit] >>`,
    )
  }
  pdf.set(root, `<< /Type /Outlines /First ${numbers[0]} 0 R /Last ${numbers.at(-1)} 0 R /Count ${numbers.length} >>`)
  return `/Outlines ${root} 0 R`
}

/** Lines of one column from the top down. */
export function column(texts: readonly string[], options: Partial<PdfLine> & { leading?: number } = {}): PdfLine[] {
  const { y = 700, leading = 14, ...rest } = options
  return texts.map((text, i) => ({ ...rest, text, y: y - i * leading }))
}
