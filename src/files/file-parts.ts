/** What a files object is made of: its parts over one database, on plain Node as well. */
import type { SqlDatabase, SqlMigration } from '../core/sql-database.ts'
import type { SourcePorts } from '../sources/source-ports.ts'
import { Sources } from '../sources/sources.ts'
import type { TenantPart } from '../tenancy/tenant-part.ts'
import { FileStore } from './file-store.ts'
import { FileViews } from './file-views.ts'
import { Intake, type IntakePorts } from './intake.ts'
import { JobReports, type TellJob } from './job-reports.ts'
import { FILES_MIGRATIONS } from './migrations.ts'
import { Pipeline } from './pipeline.ts'
import type { PipelinePorts } from './pipeline-ports.ts'
import { SpentOriginals } from './spent-originals.ts'
import { Uploads, type UploadOptions } from './uploads.ts'

export const ALL_FILES_MIGRATIONS: readonly SqlMigration[] = [...FILES_MIGRATIONS, ...Sources.migrations]

export interface FilePartsPorts extends PipelinePorts {
  readonly removeJob: UploadOptions['removeJob']
  readonly createJob: IntakePorts['createJob']
  readonly tellJob: TellJob
  readonly sources: Pick<SourcePorts, 'fetchPage' | 'inbox'>
}

export interface FileParts {
  readonly store: FileStore
  readonly views: FileViews
  readonly uploads: Uploads
  readonly sources: Sources
  readonly intake: Intake
  readonly pipeline: Pipeline
  readonly jobReports: JobReports
  readonly spentOriginals: SpentOriginals
}

/** The schema is up to date. */
export function fileParts(database: SqlDatabase, ports: FilePartsPorts): FileParts {
  const { clock, originals, removeJob, tellJob, report } = ports
  const store = new FileStore(database, clock)
  const uploads = new Uploads(store, { originals, removeJob })
  const intake = new Intake(store, uploads, ports)
  return {
    store,
    uploads,
    intake,
    views: new FileViews(store, ports),
    sources: new Sources(database, { ...ports.sources, intake, clock, report }),
    pipeline: new Pipeline(store, ports),
    jobReports: new JobReports(store, tellJob),
    spentOriginals: new SpentOriginals(store, originals),
  }
}

/** The alarm runs them side by side: nobody waits for a long file, nor for a slow site. */
export const scheduledParts = ({ uploads, sources, pipeline, jobReports, spentOriginals }: FileParts): TenantPart[] => [
  uploads,
  jobReports,
  spentOriginals,
  sources,
  pipeline,
]
