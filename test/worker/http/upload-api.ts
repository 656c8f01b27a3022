/** A world with a stand-in for tenants' files objects beside a real bucket, and short words for uploads to it. */
import { env } from 'cloudflare:workers'
import { beforeAll, beforeEach, expect } from 'vitest'
import type { AcceptFiles } from '../../../src/files/files-api.ts'
import { originalPrefix } from '../../../src/files/original-key.ts'
import { R2Originals } from '../../../src/files/originals.ts'
import { FakeFiles } from '../../support/fake-files.ts'
import { makeWorld, ORIGIN, problemOf } from './http-harness.ts'
import type { Answer, TestTenant, World } from './http-harness.ts'

export let files: FakeFiles
export let world: World
export let tenant: TestTenant

export function useUploads(): void {
  beforeAll(async () => {
    files = new FakeFiles()
    const bucket = new R2Originals(env.ORIGINALS)
    files.forget = async ({ tenantUid, collectionId, uploadId }) =>
      bucket.deletePrefix(await originalPrefix(tenantUid, collectionId, uploadId))
    world = await makeWorld({ files })
  })

  beforeEach(async () => {
    tenant = await world.makeTenant()
    await world.call('POST', '/v1/collections', { key: tenant.key, body: { name: 'docs' } })
    files.refusal = undefined
    files.isSwept = false
  })
}

export type Parts = readonly (readonly [name: string, content: string | Uint8Array<ArrayBuffer>, filename?: string])[]

export function formOf(parts: Parts): FormData {
  const form = new FormData()
  for (const [name, content, filename] of parts) {
    if (filename === undefined) form.append(name, content as string)
    else form.append(name, new Blob([content]), filename)
  }
  return form
}

interface Sent {
  readonly key?: string
  readonly headers?: Record<string, string>
  readonly path?: string
}

export async function send(
  body: BodyInit | null,
  { key = tenant.key, headers = {}, path = '' }: Sent = {},
): Promise<Answer> {
  const response = await world.fetch(
    new Request(`${ORIGIN}/v1/collections/docs/files${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, ...headers },
      body,
    }),
  )
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: text === '' ? undefined : JSON.parse(text) }
}

export const upload = (parts: Parts, sent: Sent = {}): Promise<Answer> => send(formOf(parts), sent)

export const originals = async (): Promise<string[]> => {
  const { objects } = await env.ORIGINALS.list()
  return objects.map(({ key }) => key)
}

export const jobCount = async (): Promise<number> =>
  (await world.call('GET', '/v1/jobs', { key: tenant.key })).json.data.length as number

/** Runs a request that is refused and looks for what it left behind. */
export async function refused(
  work: () => Promise<Answer>,
): Promise<{ status: number; code: string; pointers: string[] }> {
  const before = { originals: await originals(), accepted: files.accepted.size, jobs: await jobCount() }
  const answer = await work()
  expect({ originals: await originals(), accepted: files.accepted.size, jobs: await jobCount() }).toEqual(before)
  expect(files.uploads.size).toBe(0)
  return problemOf(answer)
}

export function acceptedOf(answer: Answer): AcceptFiles {
  expect(answer.status, answer.text).toBe(202)
  expect(answer.headers.get('location')).toBe(`/v1/jobs/${answer.json.job.id}`)
  const accepted = files.accepted.get(answer.json.job.id as string)
  if (accepted === undefined) throw new Error('nothing was accepted')
  return accepted
}
