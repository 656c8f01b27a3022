/** What the ingest use-cases are given, taken from what the application is given. */
import type { IngestDependencies } from '../ingest/ingest-dependencies.ts'
import { Allowances } from '../tenancy/allowances.ts'
import type { JobDependencies } from '../ingest/jobs.ts'
import type { AppDependencies } from './dependencies.ts'

export function ingestStores(dependencies: AppDependencies): IngestDependencies {
  const { placement, models, catalog, sealer, tenantObjects, clock } = dependencies
  return {
    placement,
    models,
    jobs: catalog.jobs,
    collections: catalog.collections,
    sealer,
    allowances: new Allowances(tenantObjects, clock),
    clock,
  }
}

/** The same for jobs, whose items may be files. */
export function jobStores(dependencies: AppDependencies): JobDependencies & IngestDependencies {
  return { ...ingestStores(dependencies), files: dependencies.files }
}
