/** Which styles of a Word document make headings, list items or entries of a table of contents (ECMA-376 part 1, 17.7). */
import type { Container } from '../container.ts'
import { attributeOf } from '../container/xml-reader.ts'

export interface ParagraphStyle {
  /** 1–6. */
  readonly heading?: number
  /** From 0. */
  readonly listLevel?: number
  readonly isTitle?: boolean
  /** Of the table of contents, which repeats the headings. */
  readonly isContents?: boolean
}

interface RawStyle {
  name: string
  basedOn: string | undefined
  outline: number | undefined
  isNumbered: boolean | undefined
  listLevel: number | undefined
}

/** Styles may build on each other; nobody does so deeper. */
const MAX_ANCESTORS = 20

/** Paragraph styles by id. @throws FileFault */
export async function readStyles(container: Container, path: string): Promise<ReadonlyMap<string, ParagraphStyle>> {
  const raw = new Map<string, RawStyle>()
  let style: RawStyle | undefined
  await container.read(path, {
    open(name, attributes) {
      const value = attributeOf(attributes, 'val')
      if (name === 'style') {
        style = { name: '', basedOn: undefined, outline: undefined, isNumbered: undefined, listLevel: undefined }
        raw.set(attributeOf(attributes, 'styleId') ?? '', style)
      } else if (style === undefined || value === undefined) return
      else if (name === 'name') style.name = value
      else if (name === 'basedOn') style.basedOn = value
      else if (name === 'outlineLvl') style.outline = Number(value)
      else if (name === 'numId') style.isNumbered = value !== '0'
      else if (name === 'ilvl') style.listLevel = Number(value)
    },
    close(name) {
      if (name === 'style') style = undefined
    },
  })
  return new Map([...raw].map(([id, own]) => [id, resolved(own, raw)]))
}

function resolved(own: RawStyle, styles: ReadonlyMap<string, RawStyle>): ParagraphStyle {
  let heading: number | undefined
  let isNumbered: boolean | undefined
  let listLevel: number | undefined
  let style: RawStyle | undefined = own
  for (let depth = 0; style !== undefined && depth < MAX_ANCESTORS; depth++) {
    heading ??= headingOf(style)
    isNumbered ??= style.isNumbered
    listLevel ??= style.listLevel
    style = style.basedOn === undefined ? undefined : styles.get(style.basedOn)
  }
  return {
    // 0: said to be none.
    ...(heading === undefined || heading === 0 ? {} : { heading }),
    ...(isNumbered === true ? { listLevel: listLevel ?? 0 } : {}),
    isTitle: /^title$/i.test(own.name),
    isContents: /^toc \d|^contents \d/i.test(own.name),
  }
}

/** Built-in names are English in every language's files; other styles may have a level of the outline. */
function headingOf({ name, outline }: RawStyle): number | undefined {
  const level = /^heading ([1-9])$/i.exec(name)?.[1]
  if (level !== undefined) return Math.min(6, Number(level))
  if (/^title$/i.test(name)) return 1
  if (outline === undefined) return undefined
  return headingLevel(outline)
}

/** Of a level of the outline, from 0; 9 is body text. 0 for none. */
export function headingLevel(outline: number): number {
  return outline >= 0 && outline <= 8 ? Math.min(6, outline + 1) : 0
}
