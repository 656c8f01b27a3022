/** What sources reach through: the egress Worker, the inbox, the files object and the clock. */
import type { Clock } from '../core/clock.ts'
import type { PageOutcome, PageRequest } from '../egress/egress-api.ts'
import type { FileIntake } from './file-intake.ts'

export interface InboxObject {
  readonly key: string
  readonly etag: string
  readonly bytes: number
}

export interface InboxPage {
  /** Ascending by key. */
  readonly objects: readonly InboxObject[]
  readonly hasMore: boolean
}

/** The bucket from which bucket sources take files. */
export interface Inbox {
  list(prefix: string, afterKey: string, limit: number): Promise<InboxPage>
  /** `undefined` where nothing lies under the key. */
  get(key: string): Promise<(InboxObject & { readonly body: ReadableStream<Uint8Array> }) | undefined>
}

export interface SourcePorts {
  readonly intake: FileIntake
  /** Never throws for what a site does. */
  readonly fetchPage: (request: PageRequest) => Promise<PageOutcome>
  readonly inbox: Inbox
  readonly clock: Clock
  /** Hears of failures in the background, which no request can report. */
  readonly report: (error: unknown) => void
}
