/**
 * Which document a chunk belongs to, and what every search needs of each document, resident: rebuilt from rows when it
 * was evicted, changed in place after a transaction has committed.
 */
import { ChunkMask } from '../core/chunk-mask.ts'
import type { ResidentMemory } from '../core/resident-memory.ts'
import type { DocumentStore } from './document-store.ts'

export interface DirectoryEntry {
  readonly document: number
  readonly id: string
  readonly firstChunk: number
  /** One per chunk, in order; equal strings are shared. */
  readonly languages: readonly string[]
  /** The change log's position at which the version was applied. */
  readonly position: number
  readonly bytes: number
}

interface Directory {
  readonly byDocument: Map<number, DirectoryEntry>
  readonly byChunk: Map<number, DirectoryEntry>
  textBytes: number
  heldBytes: number
}

export class DocumentDirectory {
  readonly #store: DocumentStore
  readonly #memory: ResidentMemory
  readonly #key: string

  constructor(store: DocumentStore, options: { readonly key: string; readonly memory: ResidentMemory }) {
    this.#store = store
    this.#memory = options.memory
    this.#key = `${options.key}/documents`
  }

  get documentCount(): number {
    return this.#directory().byDocument.size
  }

  get chunkCount(): number {
    return this.#directory().byChunk.size
  }

  /** UTF-8 bytes of all texts. */
  get textBytes(): number {
    return this.#directory().textBytes
  }

  /** What the given documents amount to. */
  totals(documents: Iterable<number>): { documents: number; chunks: number; bytes: number } {
    const { byDocument } = this.#directory()
    const totals = { documents: 0, chunks: 0, bytes: 0 }
    for (const document of documents) {
      const entry = byDocument.get(document)
      if (entry === undefined) continue
      totals.documents++
      totals.chunks += entry.languages.length
      totals.bytes += entry.bytes
    }
    return totals
  }

  idOf(document: number): string | undefined {
    return this.#directory().byDocument.get(document)?.id
  }

  /** The document of every chunk, for one search; do not hold it across an await. */
  byChunk(): ReadonlyMap<number, DirectoryEntry> {
    return this.#directory().byChunk
  }

  /**
   * The chunks of the given documents (all when undefined) that were applied at or before `atMostPosition`; undefined
   * where that is every chunk. `limit` is one more than the largest chunk number.
   */
  mask(documents: Uint32Array | undefined, atMostPosition: number | undefined, limit: number): ChunkMask | undefined {
    const { byDocument } = this.#directory()
    const isLate = (entry: DirectoryEntry): boolean => atMostPosition !== undefined && entry.position > atMostPosition
    const hasLate = atMostPosition !== undefined && [...byDocument.values()].some(isLate)
    if (documents === undefined && !hasLate) return undefined
    const mask = new ChunkMask(limit)
    const add = (entry: DirectoryEntry | undefined): void => {
      if (entry === undefined || isLate(entry)) return
      for (let i = 0; i < entry.languages.length; i++) mask.add(entry.firstChunk + i)
    }
    if (documents === undefined) for (const entry of byDocument.values()) add(entry)
    else for (const document of documents) add(byDocument.get(document))
    return mask
  }

  /** Puts the entry in the place of the document's old one. */
  set(entry: DirectoryEntry): void {
    const directory = this.#memory.get<Directory>(this.#key)
    if (directory === undefined) return
    remove(directory, entry.document)
    insert(directory, entry)
    this.#memory.resize(this.#key, directory.heldBytes)
  }

  delete(document: number): void {
    const directory = this.#memory.get<Directory>(this.#key)
    if (directory === undefined) return
    remove(directory, document)
    this.#memory.resize(this.#key, directory.heldBytes)
  }

  evict(): void {
    this.#memory.delete(this.#key)
  }

  #directory(): Directory {
    const resident = this.#memory.get<Directory>(this.#key)
    if (resident !== undefined) return resident
    const directory: Directory = { byDocument: new Map(), byChunk: new Map(), textBytes: 0, heldBytes: 0 }
    const languages = new Map<number, string[]>()
    const shared = new Map<string, string>()
    for (const { document, language } of this.#store.chunkLanguages()) {
      const word = shared.get(language) ?? (shared.set(language, language), language)
      const list = languages.get(document)
      if (list === undefined) languages.set(document, [word])
      else list.push(word)
    }
    for (const row of this.#store.directory()) {
      insert(directory, {
        document: row.document,
        id: row.id,
        firstChunk: row.first_chunk,
        languages: languages.get(row.document) ?? [],
        position: row.position,
        bytes: row.bytes,
      })
    }
    this.#memory.set(this.#key, directory, directory.heldBytes)
    return directory
  }
}

/** Counted generously: an entry with its two map slots, its id in UTF-16, and per chunk a map slot and a reference. */
const entryBytes = (entry: DirectoryEntry): number => 240 + 2 * entry.id.length + 56 * entry.languages.length

function insert(directory: Directory, entry: DirectoryEntry): void {
  directory.byDocument.set(entry.document, entry)
  for (let i = 0; i < entry.languages.length; i++) directory.byChunk.set(entry.firstChunk + i, entry)
  directory.textBytes += entry.bytes
  directory.heldBytes += entryBytes(entry)
}

function remove(directory: Directory, document: number): void {
  const entry = directory.byDocument.get(document)
  if (entry === undefined) return
  directory.byDocument.delete(document)
  for (let i = 0; i < entry.languages.length; i++) directory.byChunk.delete(entry.firstChunk + i)
  directory.textBytes -= entry.bytes
  directory.heldBytes -= entryBytes(entry)
}
