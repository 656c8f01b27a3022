/**
 * The metadata index that looks at every document. Parsed metadata stays in memory while it fits; beyond that, it is
 * read from storage in pages for every filter. Nothing needs to be declared: any field is filterable and facetable.
 */
import type { Json, JsonObject } from '../core/canonical-json.ts'
import { wipedText } from '../core/overwriting.ts'
import { residentMemory, type ResidentMemory } from '../core/resident-memory.ts'
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import { withoutAcl } from './combine-filters.ts'
import { compileFilter, type FilteredDocument } from './evaluate-filter.ts'
import { FacetBudget, FacetCounter } from './facet-values.ts'
import type { Filter } from './filter.ts'
import { JsonMemory } from './json-memory.ts'
import type { FacetValue, MetadataIndex } from './metadata-index.ts'

/** Beyond this the parsed metadata of a shard is not kept in memory. */
const MAX_RESIDENT_METADATA_BYTES = 24_000_000
/** Documents read at a time; 16 KB of metadata each at most, so 2 MB. */
const PAGE_DOCUMENTS = 128

export interface ExactMetadataIndexOptions {
  /** Prefix of the key in resident memory, unique to the shard. */
  readonly key: string
  readonly memory?: ResidentMemory
  /** Most bytes of parsed metadata to keep; tests lower it. */
  readonly maxResidentBytes?: number
}

interface MetadataRow {
  readonly document: number
  readonly id: string
  readonly json: string
  /** A JSON array, or null. */
  readonly acl: string | null
}

interface ResidentDocument extends FilteredDocument {
  readonly bytes: number
}

/** An index trusts only what it put into resident memory itself, never what an earlier run of the object left. */
interface ResidentDocuments {
  readonly owner: object
  readonly documents: Map<number, ResidentDocument>
  readonly memory: JsonMemory
  bytes: number
}

/** Runs to completion in every call. After a transaction that was rolled back the caller must `evict()`. */
export class ExactMetadataIndex implements MetadataIndex {
  /** Of the stored rows; `rebuild` makes the present format from the documents. */
  static readonly FORMAT = 1

  static readonly migrations: readonly SqlMigration[] = [
    {
      id: 'metadata/1 metadata',
      statements: ['CREATE TABLE metadata (document INTEGER PRIMARY KEY, id TEXT NOT NULL, json TEXT NOT NULL) STRICT'],
    },
    {
      id: 'metadata/2 acl',
      statements: [
        'ALTER TABLE metadata ADD COLUMN acl TEXT',
        // Tells at once whether any document has one.
        'CREATE INDEX metadata_acl ON metadata (document) WHERE acl IS NOT NULL',
      ],
    },
  ]

  readonly #database: SqlDatabase
  readonly #memory: ResidentMemory
  readonly #key: string
  readonly #maxResidentBytes: number
  readonly #owner = {}

  constructor(database: SqlDatabase, options: ExactMetadataIndexOptions) {
    this.#database = database
    this.#memory = options.memory ?? residentMemory
    this.#key = `${options.key}/metadata`
    this.#maxResidentBytes = options.maxResidentBytes ?? MAX_RESIDENT_METADATA_BYTES
  }

  add(document: number, id: string, metadata: JsonObject, acl?: readonly string[]): void {
    const json = JSON.stringify(metadata)
    this.#wipe(document)
    this.#database.run(
      'INSERT OR REPLACE INTO metadata (document, id, json, acl) VALUES (?, ?, ?, ?)',
      document,
      id,
      json,
      acl === undefined ? null : JSON.stringify(acl),
    )
    const resident = this.#resident()
    if (resident === undefined) return
    // Copied, so that no later change of the caller's objects reaches the index.
    hold(resident, document, { id, metadata: JSON.parse(json) as JsonObject, ...(acl && { acl: [...acl] }) })
    if (resident.bytes > this.#maxResidentBytes) this.evict()
    else this.#memory.resize(this.#key, resident.bytes)
  }

  remove(document: number): void {
    this.#wipe(document)
    this.#database.run('DELETE FROM metadata WHERE document = ?', document)
    const resident = this.#resident()
    if (resident === undefined) return
    release(resident, document)
    this.#memory.resize(this.#key, resident.bytes)
  }

  restricting(filter: Filter): Filter | undefined {
    const [first] = this.#database.all<{ document: number }>(
      'SELECT document FROM metadata WHERE acl IS NOT NULL LIMIT 1',
    )
    return first === undefined ? withoutAcl(filter) : filter
  }

  matching(filter: Filter): Uint32Array {
    const predicate = compileFilter(filter)
    const found: number[] = []
    this.#each((document, entry) => {
      if (predicate(entry)) found.push(document)
    })
    return Uint32Array.from(found).sort()
  }

  facets(fields: readonly string[], documents: Uint32Array): Record<string, FacetValue[]> {
    const budget = new FacetBudget()
    const counters = fields.map((field): [string, FacetCounter] => [field, new FacetCounter(field, budget)])
    if (counters.length > 0) {
      const wanted = new Set(documents)
      this.#each((document, { metadata }) => {
        if (wanted.has(document)) for (const [, counter] of counters) counter.add(metadata)
      })
    }
    return Object.fromEntries(counters.map(([field, counter]) => [field, counter.values()]))
  }

  evict(): void {
    this.#memory.delete(this.#key)
  }

  /** Replaces every row; inside the caller's transaction. */
  rebuild(documents: Iterable<FilteredDocument & { readonly document: number }>): void {
    this.evict()
    this.#database.run('DELETE FROM metadata')
    for (const { document, id, metadata, acl } of documents) this.add(document, id, metadata, acl)
  }

  /** Overwrites what is stored of a document, before its row goes or is replaced. */
  #wipe(document: number): void {
    this.#database.run(`UPDATE metadata SET ${wipedText('json')}, ${wipedText('acl')} WHERE document = ?`, document)
  }

  #resident(): ResidentDocuments | undefined {
    const resident = this.#memory.get<ResidentDocuments>(this.#key)
    return resident?.owner === this.#owner ? resident : undefined
  }

  /** Visits every document, in no order. What is read on the way is kept if all of it fits. */
  #each(visit: (document: number, entry: FilteredDocument) => void): void {
    const known = this.#resident()
    if (known !== undefined) {
      for (const [document, entry] of known.documents) visit(document, entry)
      return
    }
    const resident: ResidentDocuments = { owner: this.#owner, documents: new Map(), memory: new JsonMemory(), bytes: 0 }
    let fits = true
    let after = -1
    for (;;) {
      const rows = this.#database.all<MetadataRow>(
        'SELECT document, id, json, acl FROM metadata WHERE document > ? ORDER BY document LIMIT ?',
        after,
        PAGE_DOCUMENTS,
      )
      for (const { document, id, json, acl } of rows) {
        const entry: FilteredDocument = {
          id,
          metadata: JSON.parse(json) as JsonObject,
          ...(acl === null ? {} : { acl: JSON.parse(acl) as string[] }),
        }
        visit(document, entry)
        if (fits) hold(resident, document, entry)
      }
      if (resident.bytes > this.#maxResidentBytes) {
        fits = false
        resident.documents.clear()
        resident.bytes = 0
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_DOCUMENTS) break
      after = last.document
    }
    if (fits) this.#memory.set(this.#key, resident, resident.bytes)
  }
}

/** A `Map` entry with its small record; measured in Node 24. */
const ENTRY_BYTES = 110

function hold(resident: ResidentDocuments, document: number, entry: FilteredDocument): void {
  release(resident, document)
  const { id, metadata, acl = null } = entry
  const { memory } = resident
  const bytes = ENTRY_BYTES + memory.bytesOf(id) + memory.bytesOf(metadata) + memory.bytesOf(acl as Json)
  resident.documents.set(document, { ...entry, bytes })
  resident.bytes += bytes
}

function release(resident: ResidentDocuments, document: number): void {
  resident.bytes -= resident.documents.get(document)?.bytes ?? 0
  resident.documents.delete(document)
}
