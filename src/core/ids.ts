/** Ids that Nearfield makes. Their prefixes make them readable; 16 base62 characters (95 bits) make them never meet again. */
import { randomBase62 } from './bytes.ts'

type Branded<Brand extends string> = string & { readonly __brand: Brand }

/** Internal and never reused, unlike the tenant's public id. Appears in no answer. */
export type TenantUid = Branded<'TenantUid'>
export type CollectionId = Branded<'CollectionId'>
export type JobId = Branded<'JobId'>
export type RequestId = Branded<'RequestId'>

export const newTenantUid = (): TenantUid => `ten_${randomBase62(16)}` as TenantUid
export const newCollectionId = (): CollectionId => `col_${randomBase62(16)}` as CollectionId
export const newGenerationId = (): string => `gen_${randomBase62(16)}`
/** `operationId` (16 base62) makes a repeated operation choose the same id again. */
export const newJobId = (operationId: string = randomBase62(16)): JobId => `job_${operationId}` as JobId
/** As `newJobId`. No model of the product has an id like it. */
export const newModelUid = (operationId: string = randomBase62(16)): string => `mdl_${operationId}`
export const newRequestId = (): RequestId => `req_${randomBase62(16)}` as RequestId

/** A file's work in shards runs under a job id of its own, from which the job can be told. */
export const workIdOf = (jobId: string, fileNumber: number): string => `${jobId}.${fileNumber}`

/** The job that a work id belongs to; a job's own id as it is. */
export const jobOfWork = (workId: string): string => workId.split('.', 1)[0] ?? workId

export const isWorkId = (id: string): boolean => id.includes('.')
