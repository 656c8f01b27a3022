/** What the table of contents of an EPUB book calls its chapters. */
import type { Container } from '../container.ts'
import { resolvePath } from '../container.ts'
import type { XmlAttributes, XmlEvents } from '../container/xml-reader.ts'
import { withoutFragment, type BookPackage } from './package.ts'

const MAX_TITLE_LENGTH = 500

/** Titles by paths of chapters; of several that lead into one chapter, the first. @throws FileFault */
export async function readNavigation(
  container: Container,
  { navigation }: BookPackage,
): Promise<ReadonlyMap<string, string>> {
  const titles = new Map<string, string>()
  if (navigation === undefined) return titles
  const add = (reference: string, raw: string): void => {
    const title = raw.replace(/\s+/g, ' ').trim().slice(0, MAX_TITLE_LENGTH).toWellFormed()
    const path = resolvePath(navigation.path, withoutFragment(reference))
    if (title !== '' && !titles.has(path)) titles.set(path, title)
  }
  await container.read(navigation.path, navigation.isNcx ? ncxEvents(add) : navEvents(add))
  return titles
}

type AddTitle = (reference: string, title: string) => void

/** `nav` with the type `toc`, whose links are the chapters; other lists, of pages and landmarks, are not looked at. */
function navEvents(add: AddTitle): XmlEvents {
  let isContents = false
  let reference: string | undefined
  let title = ''
  return {
    open(name: string, attributes: XmlAttributes) {
      if (name === 'nav') isContents = (attributes['epub:type'] ?? attributes['role'] ?? 'toc').includes('toc')
      else if (name === 'a' && isContents) {
        reference = attributes['href']
        title = ''
      }
    },
    close(name) {
      if (name === 'nav') isContents = false
      else if (name === 'a' && reference !== undefined) {
        add(reference, title)
        reference = undefined
      }
    },
    text(text) {
      if (reference !== undefined && title.length < MAX_TITLE_LENGTH) title += text
    },
  }
}

/** `navPoint` with its label before its target. */
function ncxEvents(add: AddTitle): XmlEvents {
  let inLabel = false
  let title = ''
  return {
    open(name: string, attributes: XmlAttributes) {
      if (name === 'navPoint') title = ''
      else if (name === 'navLabel') inLabel = true
      else if (name === 'content' && title !== '') add(attributes['src'] ?? '', title)
    },
    close(name) {
      if (name === 'navLabel') inLabel = false
    },
    text(text) {
      if (inLabel && title.length < MAX_TITLE_LENGTH) title += text
    },
  }
}
