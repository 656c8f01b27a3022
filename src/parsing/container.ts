/**
 * Office and EPUB files are zip files of parts that refer to each other. A container holds such a file in memory, compressed
 * as it came, and inflates the parts that are asked for, one at a time and counted.
 */
import { MAX_FILE_BYTES } from '../core/limits.ts'
import { decoderOf, XML_PIECE_BYTES, XmlReader, attributeOf, type XmlEvents } from './container/xml-reader.ts'
import { FileFault } from './file-fault.ts'
import { memoryBytes } from './memory-bytes.ts'
import type { ParseBudget } from './parse-budget.ts'
import type { FileBytes } from './parsed-document.ts'
import { openEntry, readArchive, type ArchiveEntry } from './zip-archive.ts'

/** What a part of an office file refers to. */
export interface Relation {
  readonly id: string
  /** The last segment of its type, such as `slide` or `hyperlink`. */
  readonly type: string
  /** Path of the part in the container. */
  readonly path: string
}

export class Container {
  readonly #bytes: FileBytes
  readonly #entries: ReadonlyMap<string, ArchiveEntry>
  readonly #budget: ParseBudget

  private constructor(bytes: FileBytes, entries: readonly ArchiveEntry[], budget: ParseBudget) {
    this.#bytes = bytes
    // Names of parts do not differ by case alone, and some writers do not keep to one.
    this.#entries = new Map(entries.map((entry) => [entry.path.toLowerCase(), entry]))
    this.#budget = budget
  }

  /** Reads the file into memory and lists its parts. @throws FileFault */
  static async open(bytes: FileBytes, budget: ParseBudget): Promise<Container> {
    if (bytes.size > MAX_FILE_BYTES) throw new FileFault('file_too_large')
    budget.hold(bytes.size)
    const held = memoryBytes(await bytes.read(0, bytes.size))
    return new Container(held, await readArchive(held, budget), budget)
  }

  close(): void {
    this.#budget.release(this.#bytes.size)
  }

  has(path: string): boolean {
    return this.#entries.has(path.toLowerCase())
  }

  /**
   * A part's bytes, in pieces of at most `XML_PIECE_BYTES`; lets others in between.
   * @param isCounted false for a look beforehand at what is read and counted afterwards
   * @throws FileFault
   */
  async *pieces(path: string, isCounted = true): AsyncGenerator<Uint8Array> {
    const entry = this.#entries.get(path.toLowerCase())
    if (entry === undefined) throw new FileFault('malformed_file', 'a part of the file is missing')
    const part = openEntry(this.#bytes, entry, isCounted ? (count) => this.#budget.expand(count) : undefined)
    const reader = part.stream().getReader()
    try {
      for (let since = 0; ;) {
        const { done, value } = await reader.read()
        if (done) break
        for (let at = 0; at < value.length; at += XML_PIECE_BYTES) {
          const piece = value.subarray(at, at + XML_PIECE_BYTES)
          yield piece
          since += piece.length
          if (since < XML_PIECE_BYTES) continue
          since = 0
          await this.#budget.turn()
        }
      }
    } finally {
      await reader.cancel()
    }
  }

  /** Reads a part as XML, telling `events`. Yields after each piece, so that what came of it can be taken away. @throws FileFault */
  async *readPieces(path: string, events: XmlEvents): AsyncGenerator<undefined> {
    const reader = new XmlReader(events, this.#budget)
    for await (const piece of this.pieces(path)) {
      reader.write(piece)
      yield
    }
    reader.end()
    yield
  }

  /** Reads a part as XML, telling `events`. @throws FileFault */
  async read(path: string, events: XmlEvents): Promise<void> {
    const pieces = this.readPieces(path, events)
    while ((await pieces.next()).done !== true);
  }

  /** A part as text, of at most `maxBytes`. The caller holds it. @throws FileFault */
  async text(path: string, maxBytes: number): Promise<string> {
    let decoder: TextDecoder | undefined
    let size = 0
    const texts: string[] = []
    try {
      for await (const piece of this.pieces(path)) {
        size += piece.length
        if (size > maxBytes) throw new FileFault('too_complex', 'a part of the file is too large')
        decoder ??= decoderOf(piece)
        texts.push(decoder.decode(piece, { stream: true }))
      }
      return texts.join('') + (decoder?.decode() ?? '')
    } catch (error) {
      if (error instanceof TypeError)
        throw new FileFault('malformed_file', 'a part of the file is not written in its characters')
      throw error
    }
  }

  /** What an office part refers to inside the container, in the order of its relations part; none without one. */
  async relations(path: string): Promise<readonly Relation[]> {
    const slash = path.lastIndexOf('/')
    const source = `${path.slice(0, slash + 1)}_rels/${path.slice(slash + 1)}.rels`
    const relations: Relation[] = []
    if (!this.has(source)) return relations
    await this.read(source, {
      open: (name, attributes) => {
        if (name !== 'Relationship' || attributeOf(attributes, 'TargetMode') === 'External') return
        const target = attributes['Target'] ?? ''
        relations.push({
          id: attributes['Id'] ?? '',
          type: (attributes['Type'] ?? '').split('/').at(-1) ?? '',
          path: resolvePath(path, target),
        })
      },
    })
    return relations
  }

  /** The part that an office file is about; `fallback` where it does not say. @throws FileFault */
  async mainPart(fallback: string): Promise<string> {
    const relations = await this.relations('')
    const path = relations.find(({ type }) => type === 'officeDocument')?.path ?? fallback
    if (!this.has(path)) throw new FileFault('malformed_file', 'the main part of the file is missing')
    return path
  }
}

/** A reference in the part `from` as a path of the container; what leads out of it ends at its root. */
export function resolvePath(from: string, target: string): string {
  const segments = target.startsWith('/') ? [] : from.split('/').slice(0, -1)
  for (const segment of target.split('/')) {
    if (segment === '..') segments.pop()
    else if (segment !== '' && segment !== '.') segments.push(segment)
  }
  return segments.join('/')
}
