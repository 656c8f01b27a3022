/** What a shard should hold, as plain data: the model that its property test compares it with. */
import type { ItemStatus, SourceDocument, Ticket } from '../../src/shard/shard-api.ts'

export const IDS = ['a', 'b', 'c']

export interface Version {
  readonly sequence: number
  readonly version: number
  readonly source: SourceDocument
}

export interface ModelDocument {
  applied: Version | undefined
  /** Sequence and version of the last deletion. */
  deleted: { sequence: number; version: number } | undefined
  /** Staged and not settled, in order of acceptance. */
  pending: (Version & { readonly job: string })[]
}

/** What a version amounts to, as quotas count it. */
export interface Sizes {
  readonly documents: number
  readonly chunks: number
  readonly storedBytes: number
}

export const NOTHING: Sizes = { documents: 0, chunks: 0, storedBytes: 0 }

export function combined(a: Sizes, b: Sizes, combine: (a: number, b: number) => number): Sizes {
  return {
    documents: combine(a.documents, b.documents),
    chunks: combine(a.chunks, b.chunks),
    storedBytes: combine(a.storedBytes, b.storedBytes),
  }
}

export const sum = (sizes: readonly Sizes[]): Sizes => sizes.reduce((a, b) => combined(a, b, (x, y) => x + y), NOTHING)

export const sizesOf = ({ text }: SourceDocument): Sizes => ({
  documents: 1,
  chunks: text.split('\n').length,
  storedBytes: text.length,
})

export interface HeldTicket {
  readonly source: SourceDocument
  readonly ticket: Ticket
  readonly reserved: Sizes
  isStale: boolean
}

export class Model {
  readonly documents = new Map<string, ModelDocument>(
    IDS.map((id) => [id, { applied: undefined, deleted: undefined, pending: [] }]),
  )
  readonly jobs = new Map<string, Map<string, ItemStatus>>()
  /** Begun, not committed: lost by a restart. */
  tickets: HeldTicket[] = []
  /** All that was ever reserved. */
  reserved: Sizes = NOTHING
  jobCount = 0

  of(id: string): ModelDocument {
    return this.documents.get(id)!
  }

  settle(job: string, id: string, status: ItemStatus): void {
    this.jobs.get(job)?.set(id, status)
  }

  supersede(id: string, before: number): void {
    const document = this.of(id)
    for (const { job } of document.pending.filter(({ sequence }) => sequence < before))
      this.settle(job, id, 'superseded')
    document.pending = document.pending.filter(({ sequence }) => sequence >= before)
  }

  apply(id: string, version: Version): 'created' | 'replaced' | 'superseded' {
    const document = this.of(id)
    const last = document.applied?.sequence ?? document.deleted?.sequence ?? 0
    if (last > version.sequence) return 'superseded'
    const status = document.applied === undefined ? 'created' : 'replaced'
    document.applied = version
    document.deleted = undefined
    this.supersede(id, version.sequence)
    return status
  }

  /** What the alarm does when nothing fails. */
  drain(): void {
    const all = [...this.documents].flatMap(([id, { pending }]) => pending.map((version) => ({ id, version })))
    for (const { id, version } of all.sort((a, b) => a.version.sequence - b.version.sequence)) {
      const isApplied = this.isApplied(version.source, version.version)
      this.settle(version.job, id, isApplied ? 'unchanged' : 'indexed')
      if (!isApplied) this.apply(id, version)
      const document = this.of(id)
      document.pending = document.pending.filter(({ sequence }) => sequence !== version.sequence)
    }
  }

  /** Whether this very write was applied, be it through another request. */
  isApplied({ id, contentHash }: SourceDocument, version: number): boolean {
    const { applied } = this.of(id)
    return applied?.version === version && applied.source.contentHash === contentHash
  }

  /** Whether what was reserved no longer covers a write, because what it replaces is smaller than it was. */
  isShort({ source, ticket, reserved }: HeldTicket): boolean {
    const { applied, deleted, pending } = this.of(source.id)
    if ((applied?.sequence ?? deleted?.sequence ?? 0) > ticket.sequence) return false
    const basis = pending.findLast(({ sequence }) => sequence < ticket.sequence) ?? applied
    const present = basis === undefined ? NOTHING : sizesOf(basis.source)
    const lacking = combined(
      combined(sizesOf(source), present, (a, b) => a - b),
      reserved,
      (a, b) => a - b,
    )
    return Math.max(lacking.documents, lacking.chunks, lacking.storedBytes) > 0
  }

  latest(id: string): Version | undefined {
    const { applied, pending } = this.of(id)
    return pending.at(-1) ?? applied
  }
}
