/**
 * What does a presentation say? Its slides in the order in which they are shown, each with its title as a heading, its
 * paragraphs, lists, tables and diagrams, and the speaker's notes. The page of a location is the slide's number. Hidden
 * slides, comments, and the dates and numbers at the margins are left out.
 */
import type { OutlineBlock } from '../chunking/document-text.ts'
import { Container } from './container.ts'
import { readProperties } from './container/office-properties.ts'
import { attributeOf } from './container/xml-reader.ts'
import { FileFault } from './file-fault.ts'
import { TextWriter } from './html/text-writer.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileToParse, ParsedDocument } from './parsed-document.ts'
import { ShapeReader, writeShapes } from './pptx/shape-reader.ts'

/** PowerPoint itself becomes unusable long before. */
const MAX_SLIDES = 10_000

/** Yields one document. @throws FileFault */
export async function* parsePptx({ bytes, budget }: FileToParse): AsyncGenerator<ParsedDocument> {
  const container = await Container.open(bytes, budget)
  const slides = await slidePaths(container)
  const texts: string[] = []
  const outline: OutlineBlock[] = []
  let length = 0
  for (const [index, path] of slides.entries()) {
    const slide = await readSlide(container, path, budget)
    if (slide === undefined || slide.text === '') continue
    if (length > 0) {
      texts.push('\n\n')
      length += 2
    }
    for (const block of slide.outline) {
      outline.push({ ...block, start: block.start + length, end: block.end + length, page: index + 1 })
    }
    texts.push(slide.text)
    length += slide.text.length
  }
  const properties = await readProperties(container)
  container.close()
  if (length === 0) throw new FileFault('no_text')
  yield { key: '', ...properties, format: 'extracted', text: texts.join(''), outline, pages: slides.length }
}

/** In presentation order, which the names of the parts do not tell. */
async function slidePaths(container: Container): Promise<readonly string[]> {
  const main = await container.mainPart('ppt/presentation.xml')
  const relations = new Map((await container.relations(main)).map(({ id, path }) => [id, path]))
  const slides: string[] = []
  let isPresentation = false
  await container.read(main, {
    open: (name, attributes) => {
      if (name === 'presentation') isPresentation = true
      if (name !== 'sldId') return
      // Its own `id` is a number; the one with a prefix refers to a part.
      const key = Object.keys(attributes).find((attribute) => attribute.endsWith(':id'))
      const path = relations.get(key === undefined ? '' : (attributes[key] ?? ''))
      if (path === undefined || !container.has(path)) throw new FileFault('malformed_file', 'a slide is missing')
      slides.push(path)
      if (slides.length > MAX_SLIDES) throw new FileFault('too_complex', 'the presentation has too many slides')
    },
  })
  if (!isPresentation) throw new FileFault('malformed_file', 'the main part of the file is no presentation')
  return slides
}

/** `undefined` for a hidden slide. */
async function readSlide(
  container: Container,
  path: string,
  budget: ParseBudget,
): Promise<{ text: string; outline: OutlineBlock[] } | undefined> {
  let isHidden = false
  const shapes = new ShapeReader(budget)
  await container.read(path, {
    open: (name, attributes) => {
      if (name === 'sld') isHidden = isFalse(attributeOf(attributes, 'show'))
      shapes.open(name, attributes)
    },
    close: (name) => shapes.close(name),
    text: (text) => shapes.text(text),
  })
  if (isHidden) return undefined
  const writer = new TextWriter()
  writeShapes(writer, shapes.finish())
  for (const relation of await container.relations(path)) {
    if (!container.has(relation.path)) continue
    if (relation.type === 'diagramData' || relation.type === 'notesSlide') {
      const further = new ShapeReader(budget, relation.type === 'notesSlide' ? 'notes' : 'diagram')
      await container.read(relation.path, further)
      writeShapes(writer, further.finish())
    }
  }
  return writer.finish()
}

function isFalse(value: string | undefined): boolean {
  return value === '0' || value === 'false'
}
