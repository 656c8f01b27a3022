/** Tenants for end-to-end tests: each test makes its own, so that none meets another's documents. */
import { NearfieldClient } from '../../src/client/client.ts'
import type { LocalServer } from './local-server.ts'

export interface TestTenant {
  readonly id: string
  readonly key: string
  readonly client: NearfieldClient
}

const SCOPES = ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin']

export async function makeTenant(server: LocalServer, name = 'test'): Promise<TestTenant> {
  const { url, rootKey } = server.credentials
  const { id } = await new NearfieldClient({ url, key: rootKey }).request<{ id: string }>('POST', '/v1/tenants', {
    name,
  })
  const operator = new NearfieldClient({ url, key: rootKey, tenant: id })
  const key = await operator.request<{ secret: string }>('POST', '/v1/keys', {
    name: 'all',
    kind: 'secret',
    scopes: SCOPES,
  })
  return { id, key: key.secret, client: new NearfieldClient({ url, key: key.secret }) }
}

export interface ListedDocument {
  readonly id: string
  readonly version: number
  readonly status: string
  readonly chunkCount: number
  readonly text?: string
}

/** Every document of a collection, over all pages of the list. */
export async function listAll(client: NearfieldClient, collection: string): Promise<ListedDocument[]> {
  const all: ListedDocument[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const from: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page: { data: ListedDocument[]; nextCursor: string | null } = await client.request(
      'GET',
      `/v1/collections/${collection}/documents?limit=100${from}`,
    )
    all.push(...page.data)
    cursor = page.nextCursor
  }
  return all
}

export function getDocument(client: NearfieldClient, collection: string, id: string): Promise<ListedDocument> {
  return client.request('GET', `/v1/collections/${collection}/documents/${encodeURIComponent(id)}?include=text`)
}
