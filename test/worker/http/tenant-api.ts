/**
 * A world for a test file, with a tenant of its own for each test, and short words for what its key asks most. The bindings
 * are filled by the hooks that `useTenant` registers.
 */
import { beforeAll, beforeEach } from 'vitest'
import { makeWorld } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

export let world: World
export let tenant: TestTenant

export function useTenant(): void {
  beforeAll(async () => {
    world = await makeWorld()
  })

  beforeEach(async () => {
    tenant = await world.makeTenant()
  })
}

export const api = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => world.call(method, path, { key: tenant.key, body, headers })

export const collection = (name: string, more: object = {}): Promise<Answer> =>
  api('POST', '/v1/collections', { name, ...more })

export const put = (name: string, documents: object[], headers: Record<string, string> = {}): Promise<Answer> =>
  api('PUT', `/v1/collections/${name}/documents`, { documents }, headers)
