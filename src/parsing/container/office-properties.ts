/** Title, author and dates of an office file, as its properties tell them (docProps/core.xml, ECMA-376 part 2, 11). */
import type { JsonObject } from '../../core/canonical-json.ts'
import type { Container } from '../container.ts'
import { languageTag } from '../document-fields.ts'

export interface FileProperties {
  readonly title?: string
  readonly language?: string
  /** `author`, `subject`, `keywords`, and `created` and `modified` as ISO 8601; each only if the file tells it. */
  readonly metadata?: JsonObject
}

/** The language is missing here: what office programs write is mostly their own, and the text tells better. */
const NAMES: Readonly<Record<string, string>> = {
  creator: 'author',
  subject: 'subject',
  keywords: 'keywords',
  created: 'created',
  modified: 'modified',
  title: 'title',
}
const MAX_LENGTH = 1_000

/** @throws FileFault */
export async function readProperties(container: Container): Promise<FileProperties> {
  const path =
    (await container.relations('')).find(({ type }) => type === 'core-properties')?.path ?? 'docProps/core.xml'
  if (!container.has(path)) return {}
  const found = new Map<string, string>()
  let current: string | undefined
  await container.read(path, {
    open: (name) => {
      current = NAMES[name]
    },
    close: () => {
      current = undefined
    },
    text: (text) => {
      if (current !== undefined)
        found.set(current, ((found.get(current) ?? '') + text).slice(0, MAX_LENGTH).toWellFormed())
    },
  })
  return propertiesOf(found)
}

/** From texts by the names above. Empty ones, dates that are none and languages that are none are left out. */
export function propertiesOf(found: ReadonlyMap<string, string>): FileProperties {
  const metadata: JsonObject = {}
  let title: string | undefined
  let language: string | undefined
  for (const [name, raw] of found) {
    const value = raw.replace(/\s+/g, ' ').trim()
    if (value === '') continue
    if (name === 'title') title = value
    else if (name === 'language') language = languageTag(value)
    else if (name === 'created' || name === 'modified') {
      const time = Date.parse(value)
      if (!Number.isNaN(time)) metadata[name] = new Date(time).toISOString()
    } else metadata[name] = value
  }
  return {
    ...(title === undefined ? {} : { title }),
    ...(language === undefined ? {} : { language }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  }
}
