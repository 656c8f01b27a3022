/** What reading files stands on: `worker.ts` passes the real ones, tests a world in memory. */
import type { CollectionRecord } from '../catalog/records.ts'
import type { Clock } from '../core/clock.ts'
import type { TenantUid } from '../core/ids.ts'
import type { CollectionStore, IngestDependencies, WriteShard } from '../ingest/ingest-dependencies.ts'
import type { FileConverter } from '../parsing/converter.ts'
import type { FileToParse, ParsedDocument } from '../parsing/parsed-document.ts'
import type { FileWorkApi } from '../shard/file-work-api.ts'
import type { TenantState } from '../tenancy/key-store.ts'
import type { OriginalStore } from './original-store.ts'

export interface PipelinePorts extends Pick<IngestDependencies, 'models' | 'allowances'> {
  readonly originals: OriginalStore
  readonly placement: {
    forWrite(collection: CollectionRecord, shard: number): WriteShard & FileWorkApi
  }
  readonly collections: Pick<CollectionStore, 'find' | 'chooseModel'>
  /** As it is now; `undefined` when it was deleted. */
  readonly tenantOf: (tenantUid: TenantUid) => Promise<TenantState | undefined>
  /** `parsing/parse-file.ts`. */
  readonly parse: (file: FileToParse) => AsyncIterable<ParsedDocument>
  readonly readCMap: FileToParse['readCMap']
  /** Reads what no parser reads, where the deployment has one. */
  readonly converter?: FileConverter
  /** Names this release: what an earlier one began to read is read again. */
  readonly release: string
  /** Chunks that wait in shards before no more is read; reading goes on when a quarter is left. Default: 8,000. */
  readonly maxStaged?: number
  readonly clock: Clock
  /** Lets other requests of the isolate in. */
  readonly pause: () => Promise<void>
  /** Hears of failures in the background; never of content. */
  readonly report: (error: unknown) => void
}
