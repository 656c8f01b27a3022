/**
 * Runs the first start once for all end-to-end tests and stops it again: each test begins from a copy of its folder, so
 * that the documentation is embedded once.
 */
import { rmSync } from 'node:fs'
import type { TestProject } from 'vitest/node'
import { newFolder, RUN_FOLDER, startServer } from '../../support/local-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** State folder of a stopped server that has finished its first run. */
    readonly preparedState: string
  }
}

export default async function prepareState(project: TestProject): Promise<() => void> {
  const run = newFolder()
  process.env[RUN_FOLDER] = run
  const folder = newFolder()
  const server = await startServer(folder)
  await server.stop()
  project.provide('preparedState', folder)
  return () => rmSync(run, { recursive: true, force: true })
}
