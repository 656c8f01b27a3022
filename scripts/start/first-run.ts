/**
 * What a newcomer finds after the first start: a tenant `demo` with a secret and a public key, and a collection `docs`
 * that holds this project's own documentation. Every step may be repeated, so a first run that was killed goes on at the
 * next start.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NearfieldClient, NearfieldError } from '../../src/client/client.ts'
import type { DocumentInput } from '../../src/client/client.ts'
import type { Secrets } from './secrets.ts'

export const DEMO_TENANT = 'demo'
const DEMO_COLLECTION = 'docs'

const SECRET_KEY = {
  name: 'Demo secret key',
  kind: 'secret',
  scopes: ['search', 'answer', 'documents:read', 'documents:write', 'collections', 'admin'],
}
const PUBLIC_KEY = {
  name: 'Demo public key',
  kind: 'public',
  scopes: ['search', 'answer'],
  origins: ['self', 'http://localhost:*'],
}

/** Without the code under "Try it": a query printed there would find itself rather than the document it is about. */
function withoutExamples(markdown: string): string {
  return markdown.replace(/^## Try it$.*?(?=^## )/ms, (section) => section.replaceAll(/^```$.*?^```$\n/gms, ''))
}

/** The documentation, as documents: `README.md`, `ARCHITECTURE.md` and everything in `docs/`. */
export function documentation(root: string): DocumentInput[] {
  const paths = ['README.md', 'ARCHITECTURE.md', ...globSync('docs/**/*.md', { cwd: root }).sort()]
  return paths.map((path) => {
    const markdown = withoutExamples(readFileSync(join(root, path), 'utf8'))
    const title = /^# (.+)$/m.exec(markdown)?.[1] ?? path
    return {
      id: path,
      markdown,
      title,
      language: 'en',
      metadata: { path, folder: path.startsWith('docs/') ? 'docs' : '.' },
    }
  })
}

/** Accepts that the thing exists already. */
async function ensure(create: Promise<unknown>): Promise<void> {
  await create.catch((error: unknown) => {
    if (!(error instanceof NearfieldError && error.status === 409)) throw error
  })
}

/** Makes the demo tenant and its keys; returns the secrets with them. Keys of an unfinished first run are revoked. */
export async function makeDemoKeys(url: string, secrets: Secrets): Promise<Secrets> {
  const root = new NearfieldClient({ url, key: secrets.rootKey, retries: 5 })
  await ensure(root.request('POST', '/v1/tenants', { id: DEMO_TENANT, name: 'Demo' }))
  const keys = new NearfieldClient({ url, key: secrets.rootKey, tenant: DEMO_TENANT, retries: 5 })
  const list = await keys.request<{ data: { id: string; name: string }[] }>('GET', '/v1/keys?limit=100')
  for (const { id, name } of list.data) {
    if (name === SECRET_KEY.name || name === PUBLIC_KEY.name) await keys.request('DELETE', `/v1/keys/${id}`)
  }
  const secretKey = await keys.request<{ secret: string }>('POST', '/v1/keys', SECRET_KEY)
  const publicKey = await keys.request<{ secret: string }>('POST', '/v1/keys', PUBLIC_KEY)
  return { ...secrets, demoSecretKey: secretKey.secret, demoPublicKey: publicKey.secret }
}

/** Indexes the documentation, one document a request, and tells how far it is. */
export async function indexDocumentation(
  url: string,
  secretKey: string,
  documents: readonly DocumentInput[],
  onProgress: (done: number, total: number, id: string) => void,
): Promise<void> {
  const client = new NearfieldClient({ url, key: secretKey, retries: 5 })
  await ensure(client.createCollection({ name: DEMO_COLLECTION, language: 'en' }))
  for (const [index, document] of documents.entries()) {
    onProgress(index, documents.length, document.id)
    const result = await client.put(DEMO_COLLECTION, [document])
    if ('job' in result) await client.waitForJob(result.job.id)
  }
  onProgress(documents.length, documents.length, '')
}
