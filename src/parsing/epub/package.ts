/** The package of an EPUB book: which parts it has, in which order they are read, what the book is called. */
import type { Container } from '../container.ts'
import { resolvePath } from '../container.ts'
import { attributeOf } from '../container/xml-reader.ts'
import { FileFault } from '../file-fault.ts'

export interface BookPackage {
  /** Paths in reading order, each once, without the page of navigation. */
  readonly chapters: readonly string[]
  /** The page of navigation of EPUB 3, or the table of contents (NCX) of EPUB 2. */
  readonly navigation: { readonly path: string; readonly isNcx: boolean } | undefined
  /** Texts by the names of file properties: title, author, language, and so on. */
  readonly properties: ReadonlyMap<string, string>
}

const PROPERTIES: Readonly<Record<string, string>> = {
  title: 'title',
  creator: 'author',
  language: 'language',
  publisher: 'publisher',
  date: 'created',
}
const MAX_CHAPTERS = 10_000
const MAX_PROPERTY_LENGTH = 1_000

interface Item {
  readonly path: string
  readonly type: string
  readonly isNavigation: boolean
}

/** @throws FileFault */
export async function readPackage(container: Container): Promise<BookPackage> {
  const path = await packagePath(container)
  const items = new Map<string, Item>()
  const order: string[] = []
  const properties = new Map<string, string>()
  let tocId: string | undefined
  let property: string | undefined
  let inMetadata = false
  let isPackage = false
  await container.read(path, {
    open(name, attributes) {
      if (name === 'package') isPackage = true
      else if (name === 'metadata') inMetadata = true
      else if (name === 'item') {
        items.set(attributes['id'] ?? '', {
          path: resolvePath(path, withoutFragment(attributes['href'] ?? '')),
          type: attributes['media-type'] ?? '',
          isNavigation: (attributes['properties'] ?? '').split(/\s+/).includes('nav'),
        })
      } else if (name === 'spine') tocId = attributes['toc']
      else if (name === 'itemref') {
        order.push(attributes['idref'] ?? '')
        if (order.length > MAX_CHAPTERS) throw new FileFault('too_complex', 'the book has too many chapters')
      } else if (inMetadata) {
        property = attributeOf(attributes, 'refines') === undefined ? PROPERTIES[name] : undefined
        // Several authors are told one after another; of titles and dates, the first counts.
        if (property !== undefined && properties.has(property)) {
          if (property === 'author') properties.set('author', `${properties.get('author') ?? ''}, `)
          else property = undefined
        }
      }
    },
    close(name) {
      property = undefined
      if (name === 'metadata') inMetadata = false
    },
    text(text) {
      if (property === undefined) return
      properties.set(property, ((properties.get(property) ?? '') + text).slice(0, MAX_PROPERTY_LENGTH))
    },
  })
  if (!isPackage) throw new FileFault('malformed_file', 'the book has no package')
  const nav = [...items.values()].find((item) => item.isNavigation)
  const ncx = items.get(tocId ?? '') ?? [...items.values()].find(({ type }) => type === 'application/x-dtbncx+xml')
  const navigation = nav ?? ncx
  const chapters = new Set<string>()
  for (const id of order) {
    const item = items.get(id)
    if (item === undefined || item.isNavigation || !/xhtml|html/.test(item.type)) continue
    if (!container.has(item.path)) throw new FileFault('malformed_file', 'a chapter is missing')
    chapters.add(item.path)
  }
  return {
    chapters: [...chapters],
    navigation:
      navigation === undefined || !container.has(navigation.path)
        ? undefined
        : { path: navigation.path, isNcx: navigation !== nav },
    properties,
  }
}

async function packagePath(container: Container): Promise<string> {
  let path: string | undefined
  if (container.has('META-INF/container.xml')) {
    await container.read('META-INF/container.xml', {
      open(name, attributes) {
        if (name === 'rootfile') path ??= attributes['full-path']
      },
    })
  }
  if (path === undefined || !container.has(path)) throw new FileFault('malformed_file', 'the book has no package')
  return path
}

/** Fonts may be scrambled, chapters may not. @throws FileFault encrypted_file */
export async function requireUnprotected(container: Container, { chapters }: BookPackage): Promise<void> {
  const path = 'META-INF/encryption.xml'
  if (!container.has(path)) return
  const locked = new Set(chapters)
  await container.read(path, {
    open(name, attributes) {
      if (name !== 'CipherReference') return
      if (locked.has(resolvePath('', withoutFragment(attributes['URI'] ?? '')))) {
        throw new FileFault('encrypted_file', 'the book is protected against copying; use one that is not')
      }
    },
  })
}

/** The path of a reference; what is escaped in it is read, as far as it can be. */
export function withoutFragment(reference: string): string {
  const [path = ''] = reference.split('#')
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
