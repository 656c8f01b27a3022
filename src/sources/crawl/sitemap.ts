/**
 * Reads a sitemap or an index of sitemaps (sitemaps.org 0.9): XML, plain text, and either of them compressed. Entities that
 * a document defines itself are not expanded, and sizes, counts and depths are bounded.
 */
import { Parser } from 'htmlparser2'
import { MAX_SITEMAP_BYTES, MAX_SITEMAP_ENTRIES } from '../../core/limits.ts'

const MAX_DEPTH = 32
const MAX_ATTRIBUTES = 64
/** A longer one is no address that may be called. */
const MAX_LOCATION_LENGTH = 2_048

export interface Sitemap {
  /** As they are written. */
  readonly pages: readonly string[]
  /** Other sitemaps that this one names. */
  readonly sitemaps: readonly string[]
  /** False where it had more entries or bytes than are read. */
  readonly isWhole: boolean
}

/** `undefined` where it is no sitemap. Never throws. */
export async function readSitemap(bytes: Uint8Array<ArrayBuffer>): Promise<Sitemap | undefined> {
  const stream = new Blob([bytes]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>
  const isCompressed = bytes[0] === 0x1f && bytes[1] === 0x8b
  const reader = (isCompressed ? stream.pipeThrough(new DecompressionStream('gzip')) : stream).getReader()
  const entries = new Entries()
  try {
    const decoder = new TextDecoder()
    for (let read = 0; entries.hasRoom;) {
      const part = await reader.read()
      if (part.done) return entries.finish(decoder.decode())
      read += part.value.byteLength
      if (read > MAX_SITEMAP_BYTES) break
      entries.write(decoder.decode(part.value, { stream: true }))
    }
    return entries.cut()
  } catch {
    return undefined
  } finally {
    reader.cancel().catch(() => undefined)
  }
}

class Entries {
  readonly #pages: string[] = []
  readonly #sitemaps: string[] = []
  readonly #parser: Parser
  /** Local names of the open elements. */
  readonly #open: string[] = []
  #attributes = 0
  #location: string | undefined
  #isXml: boolean | undefined
  #isSitemap = false
  #line = ''

  constructor() {
    const local = (name: string): string => name.slice(name.indexOf(':') + 1).toLowerCase()
    this.#parser = new Parser(
      {
        onopentagname: () => (this.#attributes = 0),
        onattribute: () => {
          if (++this.#attributes > MAX_ATTRIBUTES) throw new Error('too many attributes')
        },
        onopentag: (name) => {
          this.#open.push(local(name))
          if (this.#open.length > MAX_DEPTH) throw new Error('nested too deeply')
          const path = this.#open.join('/')
          if (path === 'urlset' || path === 'sitemapindex') this.#isSitemap = true
          if (path === 'urlset/url/loc' || path === 'sitemapindex/sitemap/loc') this.#location = ''
        },
        ontext: (text) => {
          if (this.#location !== undefined && this.#location.length <= MAX_LOCATION_LENGTH) this.#location += text
        },
        onclosetag: () => {
          if (this.#open.pop() === 'loc' && this.#location !== undefined) {
            this.#add(this.#open[0] === 'urlset' ? this.#pages : this.#sitemaps, this.#location)
            this.#location = undefined
          }
        },
      },
      { xmlMode: true, decodeEntities: true },
    )
  }

  get hasRoom(): boolean {
    return this.#pages.length + this.#sitemaps.length < MAX_SITEMAP_ENTRIES
  }

  write(text: string): void {
    this.#isXml ??= text.trimStart() === '' ? undefined : text.trimStart().startsWith('<')
    if (this.#isXml !== false) {
      this.#parser.write(text)
      return
    }
    const lines = (this.#line + text).split(/\r\n|\r|\n/)
    this.#line = (lines.pop() ?? '').slice(0, MAX_LOCATION_LENGTH + 1)
    for (const line of lines) if (/^\s*https?:/i.test(line)) this.#add(this.#pages, line)
  }

  finish(rest: string): Sitemap | undefined {
    this.write(`${rest}\n`)
    const isSitemap = this.#isXml === true ? this.#isSitemap : this.#pages.length > 0
    return isSitemap ? { pages: this.#pages, sitemaps: this.#sitemaps, isWhole: this.hasRoom } : undefined
  }

  cut(): Sitemap {
    return { pages: this.#pages, sitemaps: this.#sitemaps, isWhole: false }
  }

  #add(list: string[], location: string): void {
    const text = location.trim()
    if (text !== '' && text.length <= MAX_LOCATION_LENGTH && this.hasRoom) list.push(text)
  }
}
