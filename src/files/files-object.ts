/**
 * The files object of a tenant: a Durable Object of its own, because reading files must not hold up what the tenant's
 * object counts. Thin: every call is one method of one part, and its alarm runs the parts that are due.
 */
import { DurableObject } from 'cloudflare:workers'
import type { Clock } from '../core/clock.ts'
import { Problem } from '../core/problem.ts'
import type { AcceptFiles, FileJob, FilePage, FileRecord, FilesApi, OpenUpload } from './files-api.ts'

export interface FilesObjectDependencies {
  readonly clock: Clock
}

const notYet = (): never => {
  throw new Problem('overloaded')
}

export class FilesObject<Env = unknown> extends DurableObject<Env> implements FilesApi {
  constructor(state: DurableObjectState, env: Env, _dependencies: FilesObjectDependencies) {
    super(state, env)
  }

  async openUpload(_upload: OpenUpload): Promise<void> {
    notYet()
  }
  async noteMultipart(): Promise<void> {
    notYet()
  }
  async renewUpload(): Promise<boolean> {
    return notYet()
  }
  async acceptUpload(_request: AcceptFiles): Promise<boolean> {
    return notYet()
  }
  async dropUpload(): Promise<void> {
    notYet()
  }
  async jobCounts(): Promise<FileJob | undefined> {
    return notYet()
  }
  async jobFiles(_jobId: string, _page: FilePage): Promise<FileRecord[]> {
    return notYet()
  }
  async changedFiles(): Promise<FileRecord[]> {
    return notYet()
  }
  async cancelJob(): Promise<boolean> {
    return notYet()
  }
  async retryJob(): Promise<number> {
    return notYet()
  }
  async applyFileChanges(): Promise<number> {
    return notYet()
  }
  async wake(): Promise<void> {
    notYet()
  }
  async collectionDeleted(): Promise<number> {
    return 0
  }
  async erase(): Promise<number> {
    return 0
  }
}
