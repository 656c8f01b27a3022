/** Writes small office files and books part by part, the way their programs do, and with whatever parts a test wants broken. */
import { writeZip, type ZipFile } from './zip-writer.ts'

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
const S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
const P =
  'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'

export type Parts = Readonly<Record<string, string | Uint8Array>>

/** `parts` replace or join those of `own`. */
function pack(own: Parts, parts: Parts, further: readonly ZipFile[]): Uint8Array<ArrayBuffer> {
  return writeZip([...Object.entries({ ...own, ...parts }).map(([path, data]) => ({ path, data })), ...further])
}

/** A relations part; each target by its id and type. */
export function relationsXml(relations: readonly (readonly [id: string, type: string, target: string])[]): string {
  const each = relations.map(
    ([id, type, target]) => `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`,
  )
  return `${XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${each.join('')}</Relationships>`
}

const office = (type: string, main: string): Parts => ({
  '[Content_Types].xml': `${XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`,
  '_rels/.rels': relationsXml([['rId1', 'officeDocument', main]]),
  'docProps/app.xml': `${XML}<Properties><Application>${type}</Application></Properties>`,
})

export const documentXml = (body: string): string => `${XML}<w:document ${W}><w:body>${body}</w:body></w:document>`

/** A paragraph of a Word document. */
export function wordParagraph(text: string, style?: string): string {
  const properties = style === undefined ? '' : `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`
  return `<w:p>${properties}<w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`
}

export function writeDocx(body: string, parts: Parts = {}, further: readonly ZipFile[] = []): Uint8Array<ArrayBuffer> {
  const styles = [1, 2].map(
    (level) =>
      `<w:style w:type="paragraph" w:styleId="berschrift${level}"><w:name w:val="heading ${level}"/></w:style>`,
  )
  const own = {
    ...office('Word', 'word/document.xml'),
    'word/document.xml': documentXml(body),
    'word/styles.xml': `${XML}<w:styles ${W}>${styles.join('')}<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style><w:style w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style><w:style w:styleId="Kapitel"><w:name w:val="Kapitel"/><w:basedOn w:val="berschrift1"/></w:style></w:styles>`,
    'word/_rels/document.xml.rels': relationsXml([
      ['rId1', 'styles', 'styles.xml'],
      ['rId2', 'footnotes', 'footnotes.xml'],
      ['rId3', 'header', 'header1.xml'],
    ]),
    'word/header1.xml': `${XML}<w:hdr ${W}>${wordParagraph('Header of every page')}</w:hdr>`,
  }
  return pack(own, parts, further)
}

export const footnotesXml = (notes: readonly string[]): string =>
  `${XML}<w:footnotes ${W}><w:footnote w:id="-1" w:type="separator">${wordParagraph('----')}</w:footnote>${notes
    .map((note, index) => `<w:footnote w:id="${index + 1}">${wordParagraph(note)}</w:footnote>`)
    .join('')}</w:footnotes>`

export interface SlideContent {
  readonly title?: string
  readonly body?: readonly string[]
  readonly notes?: string
  readonly isHidden?: boolean
}

const shape = (placeholder: string, paragraphs: readonly string[]): string =>
  `<p:sp><p:nvSpPr><p:nvPr>${placeholder}</p:nvPr></p:nvSpPr><p:txBody>${paragraphs
    .map((text) => `<a:p><a:r><a:t>${text}</a:t></a:r></a:p>`)
    .join('')}</p:txBody></p:sp>`

/** The slides' parts are numbered backwards, as after moving them about. */
export function writePptx(
  slides: readonly SlideContent[],
  parts: Parts = {},
  further: readonly ZipFile[] = [],
): Uint8Array<ArrayBuffer> {
  const own: Record<string, string> = { ...office('PowerPoint', 'ppt/presentation.xml') } as Record<string, string>
  const file = (index: number): string => `slide${slides.length - index}.xml`
  own['ppt/presentation.xml'] =
    `${XML}<p:presentation ${P} xmlns:r="${RELATIONS}"><p:sldIdLst>${slides.map((_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 10}"/>`).join('')}</p:sldIdLst></p:presentation>`
  own['ppt/_rels/presentation.xml.rels'] = relationsXml(
    slides.map((_, index) => [`rId${index + 10}`, 'slide', `slides/${file(index)}`]),
  )
  for (const [index, { title, body = [], notes, isHidden }] of slides.entries()) {
    const shapes = [
      shape('<p:ph type="sldNum"/>', ['‹#›']),
      shape('<p:ph type="body" idx="1"/>', body),
      title === undefined ? '' : shape('<p:ph type="title"/>', [title]),
    ]
    own[`ppt/slides/${file(index)}`] =
      `${XML}<p:sld ${P}${isHidden === true ? ' show="0"' : ''}><p:cSld><p:spTree>${shapes.join('')}</p:spTree></p:cSld></p:sld>`
    if (notes === undefined) continue
    own[`ppt/slides/_rels/${file(index)}.rels`] = relationsXml([
      ['rId1', 'notesSlide', `../notesSlides/notes${index}.xml`],
    ])
    own[`ppt/notesSlides/notes${index}.xml`] =
      `${XML}<p:notes ${P}><p:cSld><p:spTree>${shape('<p:ph type="body"/>', [notes])}${shape('<p:ph type="sldNum"/>', ['7'])}</p:spTree></p:cSld></p:notes>`
  }
  return pack(own, parts, further)
}

export const sheetXml = (rows: string, rest = ''): string =>
  `${XML}<worksheet ${S}><sheetData>${rows}</sheetData>${rest}</worksheet>`

/** A row of inline strings and numbers; the file tells neither its number nor the cells' places. */
export const plainRow = (cells: readonly (string | number)[]): string =>
  `<row>${cells
    .map((cell) =>
      typeof cell === 'number' ? `<c><v>${cell}</v></c>` : `<c t="inlineStr"><is><t>${cell}</t></is></c>`,
    )
    .join('')}</row>`

/** @param sheets their rows by name */
export function writeXlsx(
  sheets: Readonly<Record<string, string>>,
  parts: Parts = {},
  further: readonly ZipFile[] = [],
): Uint8Array<ArrayBuffer> {
  const own: Record<string, string> = { ...office('Excel', 'xl/workbook.xml') } as Record<string, string>
  const names = Object.keys(sheets)
  own['xl/workbook.xml'] =
    `${XML}<workbook ${S} xmlns:r="${RELATIONS}"><sheets>${names.map((name, index) => `<sheet name="${name}" sheetId="${index + 1}" r:id="rId${index + 1}"${name === 'Hidden' ? ' state="veryHidden"' : ''}/>`).join('')}</sheets></workbook>`
  own['xl/_rels/workbook.xml.rels'] = relationsXml([
    ...names.map((_, index) => [`rId${index + 1}`, 'worksheet', `/xl/worksheets/sheet${index + 1}.xml`] as const),
    ['rId90', 'sharedStrings', 'sharedStrings.xml'],
    ['rId91', 'styles', 'styles.xml'],
  ])
  for (const [index, name] of names.entries()) own[`xl/worksheets/sheet${index + 1}.xml`] = sheetXml(sheets[name] ?? '')
  return pack(own, parts, further)
}

export interface ChapterContent {
  readonly file: string
  readonly body: string
  /** In the table of contents. */
  readonly title?: string
}

/** The package lists the chapters backwards; the spine has them in order. */
export function writeEpub(
  chapters: readonly ChapterContent[],
  { isNcx = false, parts = {}, further = [] }: { isNcx?: boolean; parts?: Parts; further?: readonly ZipFile[] } = {},
): Uint8Array<ArrayBuffer> {
  const item = (id: string, file: string, type: string, rest = ''): string =>
    `<item id="${id}" href="${encodeURI(file)}" media-type="${type}"${rest}/>`
  const titled = chapters.filter(({ title }) => title !== undefined)
  const contents = isNcx
    ? `<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>${titled.map(({ file, title }) => `<navPoint><navLabel><text>${title}</text></navLabel><content src="${encodeURI(file)}#start"/></navPoint>`).join('')}</navMap></ncx>`
    : `<html xmlns:epub="http://www.idpf.org/2007/ops"><body><nav epub:type="toc"><ol>${titled.map(({ file, title }) => `<li><a href="${encodeURI(file)}">${title}</a></li>`).join('')}</ol></nav><nav epub:type="page-list"><a href="${encodeURI(chapters[0]?.file ?? '')}">1</a></nav></body></html>`
  const own: Parts = {
    'META-INF/container.xml': `${XML}<container><rootfiles><rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
    'OEBPS/content.opf': `${XML}<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Die Reise</dc:title><dc:creator>Anna Über</dc:creator><dc:creator>Bo Öl</dc:creator><dc:language>de</dc:language><dc:date>2020-05-01</dc:date></metadata><manifest>${chapters
      .map(({ file }, index) => item(`c${index}`, file, 'application/xhtml+xml'))
      .toReversed()
      .join(
        '',
      )}${isNcx ? item('toc', 'toc.ncx', 'application/x-dtbncx+xml') : item('nav', 'nav.xhtml', 'application/xhtml+xml', ' properties="nav"')}</manifest><spine${isNcx ? ' toc="toc"' : ''}>${isNcx ? '' : '<itemref idref="nav"/>'}${chapters.map((_, index) => `<itemref idref="c${index}"/>`).join('')}</spine></package>`,
    [isNcx ? 'OEBPS/toc.ncx' : 'OEBPS/nav.xhtml']: contents,
    ...Object.fromEntries(
      chapters.map(({ file, body }) => [
        `OEBPS/${file}`,
        `${XML}<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="x.js"/></head><body>${body}</body></html>`,
      ]),
    ),
  }
  return pack(own, parts, [{ path: 'mimetype', data: 'application/epub+zip', deflated: false }, ...further])
}

/** A file of the compound format whose directory names these streams; Office wraps files with a password so. */
export function writeOle(streams: readonly string[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4_096)
  const view = new DataView(bytes.buffer)
  bytes.set([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1])
  view.setUint16(30, 9, true)
  view.setUint32(48, 1, true)
  for (const [index, name] of ['Root Entry', ...streams].entries()) {
    for (let at = 0; at < name.length; at++) view.setUint16(1_024 + index * 128 + at * 2, name.charCodeAt(at), true)
  }
  return bytes
}
