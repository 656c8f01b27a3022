/** What the ingest use-cases are given, taken from what the application is given. */
import type { IngestDependencies } from '../ingest/ingest-dependencies.ts'
import type { AppDependencies } from './dependencies.ts'

export function ingestStores({ placement, models, catalog, sealer, clock }: AppDependencies): IngestDependencies {
  return { placement, models, jobs: catalog.jobs, collections: catalog.collections, sealer, clock }
}
