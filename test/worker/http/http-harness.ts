/**
 * The whole application on real bindings, with a small deterministic embedder instead of the model, counted bindings and
 * log lines kept. Each call of `makeTenant` gives a tenant of its own, so tests share nothing.
 */
import { env } from 'cloudflare:workers'
import { modelNames, type ModelNames } from '../../../src/catalog/model-names.ts'
import { Catalog } from '../../../src/catalog/catalog.ts'
import { utf8 } from '../../../src/core/bytes.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { FilesObjects } from '../../../src/files/files-objects.ts'
import { R2Originals } from '../../../src/files/originals.ts'
import { createApp } from '../../../src/http/app.ts'
import { AuditTrail } from '../../../src/http/audit-trail.ts'
import type { LogLine } from '../../../src/http/request-log.ts'
import type { Embedder } from '../../../src/models/embedder.ts'
import { meteredEmbedder } from '../../../src/models/model-meter.ts'
import { EDGE_EN } from '../../../src/models/profiles.ts'
import { residentMemory } from '../../../src/core/resident-memory.ts'
import type { EmbeddingModel } from '../../../src/models/model.ts'
import { WordVectorWorkshop } from '../../../src/models/word-vector-models.ts'
import { WordVectorsEmbedder, WordVectorsLoader } from '../../../src/models/word-vectors-embedder.ts'
import { Placement } from '../../../src/shard/placement.ts'
import { Authenticator } from '../../../src/tenancy/authenticate.ts'
import { LastUse } from '../../../src/tenancy/last-use.ts'
import { keyHash, parseKey } from '../../../src/tenancy/key-format.ts'
import { Sealer } from '../../../src/tenancy/sealing.ts'
import { Signer } from '../../../src/tenancy/signing.ts'
import { findProductModel } from '../../../src/models/product-models.ts'
import type { Reranker } from '../../../src/models/reranker.ts'
import { SCOPES } from '../../../src/tenancy/scopes.ts'
import { TenantObjects } from '../../../src/tenancy/tenant-objects.ts'

const notHere = (): never => {
  throw new Error('no provider is called here')
}

/** Stands in for the model of the example of `POST /v1/rerank`: the share of the query's words that a document has. */
const RERANKER = '@cf/baai/bge-reranker-base'

const countWords = (text: string): number => text.split(/\s+/).length

const reranker: Reranker = {
  id: RERANKER,
  rerank(query, documents) {
    const words = query.toLowerCase().split(/\s+/)
    const scores = documents.map(
      (text) => words.filter((word) => text.toLowerCase().includes(word)).length / words.length,
    )
    return Promise.resolve({ scores, raw: scores, tokens: words.length })
  },
}

const withReranker = (names: ModelNames): ModelNames => ({
  find: async (tenantUid, name, task, pointer) =>
    name === RERANKER && task === 'rerank'
      ? (findProductModel(name) as never)
      : names.find(tenantUid, name, task, pointer),
})

export const ORIGIN = 'http://127.0.0.1:8787'

/** Hashes words into a vector: equal words bring texts near. */
const embedder: Embedder = {
  profile: EDGE_EN,
  async embed(texts) {
    return texts.map((text) => {
      const vector = new Float32Array(EDGE_EN.dimensions)
      for (const word of text.toLowerCase().match(/[a-z]+/g) ?? ['none']) {
        let hash = 7
        for (const character of word) hash = (hash * 31 + character.charCodeAt(0)) % EDGE_EN.dimensions
        vector[hash] = (vector[hash] ?? 0) + 1
      }
      const length = Math.hypot(...vector)
      return vector.map((value) => value / length)
    })
  },
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The parsed body; `undefined` where it is not JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every shape
  readonly json: any
}

export interface Call {
  readonly key?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown
}

export interface TestTenant {
  readonly id: string
  /** A secret key with every scope. */
  readonly key: string
  readonly keyId: string
}

let bindingCalls = 0

/** Counts each call of a method of a binding. */
function counted<T extends object>(binding: T): T {
  return new Proxy(binding, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...parameters: unknown[]): unknown => {
        bindingCalls++
        return Reflect.apply(member, target, parameters)
      }
    },
  })
}

export interface World {
  readonly rootKey: string
  readonly lines: LogLine[]
  readonly bindingCalls: () => number
  readonly fetch: (request: Request) => Promise<Response>
  readonly call: (method: string, path: string, call?: Call) => Promise<Answer>
  readonly makeTenant: (suffix?: string) => Promise<TestTenant>
  readonly makeKey: (tenant: TestTenant, request: Record<string, unknown>) => Promise<string>
}

/** `files` stands in for the tenants' files objects. */
export async function makeWorld({ files }: { files?: Pick<FilesObjects, 'of'> } = {}): Promise<World> {
  const lines: LogLine[] = []
  const rootKey = env.TEST_ROOT_KEY
  const parsed = parseKey(rootKey)
  if (parsed === undefined) throw new Error('the test root key does not parse')
  const catalog = new Catalog(counted(env.DB), systemClock)
  const sealer = new Sealer(env.NEARFIELD_SEALING_KEY)
  const tenantObjects = new TenantObjects(counted(env.TENANT))
  const auditTrail = new AuditTrail({ tenantObjects, catalog, clock: systemClock })
  const loader = new WordVectorsLoader({
    memory: residentMemory,
    readPacked: async (key) => (await env.ORIGINALS.get(key))?.arrayBuffer(),
  })
  const embedderOf = ({ source, profile }: EmbeddingModel): Embedder =>
    source.provider === 'word-vectors' ? new WordVectorsEmbedder(profile, loader, source.objectKey) : embedder
  const app = createApp({
    authenticator: new Authenticator({
      keys: catalog.keys,
      sealer,
      rootKeyHashes: [await keyHash(parsed)],
      clock: systemClock,
      lastUse: new LastUse({
        write: (uses) => catalog.keys.noteUses(uses),
        clock: systemClock,
        report: (_, error) => {
          throw error
        },
      }),
      onRefusal: (refusal, keepAlive) => auditTrail.credentialRefused(refusal, keepAlive),
    }),
    catalog,
    placement: new Placement(counted(env.SHARD)),
    tenantObjects,
    files: files ?? new FilesObjects(counted(env.FILES)),
    sources: new FilesObjects(counted(env.FILES)),
    originals: new R2Originals(counted(env.ORIGINALS)),
    auditTrail,
    wordVectors: new WordVectorWorkshop({
      memory: residentMemory,
      clock: systemClock,
      giveTurn: () => new Promise((resolve) => setTimeout(resolve, 0)),
    }),
    models: {
      queryEmbedder: (model, _, meter) =>
        meter === undefined ? embedderOf(model) : meteredEmbedder(embedderOf(model), async () => countWords, meter),
      passageEmbedder: embedderOf,
      countTokens: async () => countWords,
      reranker: () => reranker,
      chatModel: notHere,
    },
    modelRules: { hasWorkersAi: false, allowsPrivateEndpoints: true },
    modelNames: withReranker(modelNames(catalog.models, { hasWorkersAi: false })),
    sealer,
    signer: new Signer(sealer),
    readAsset: async (path) => (path === 'console/page.htm' ? utf8('<!doctype html>').buffer : undefined),
    clock: systemClock,
    log: (line) => lines.push(line),
    version: '0.0.0',
  })
  const fetch = async (request: Request): Promise<Response> => app.fetch(request)
  const call: World['call'] = async (method, path, { key, headers = {}, body } = {}) => {
    const response = await fetch(
      new Request(ORIGIN + path, {
        method,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    )
    const text = await response.text()
    const isJson = /^application\/(?:problem\+)?json/.test(response.headers.get('content-type') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : undefined,
    }
  }
  const makeKey: World['makeKey'] = async (tenant, request) => {
    const made = await call('POST', '/v1/keys', {
      key: rootKey,
      headers: { 'nearfield-tenant': tenant.id },
      body: { name: 'key', kind: 'secret', ...request },
    })
    if (made.status !== 201) throw new Error(`no key: ${made.text}`)
    return made.json.secret as string
  }
  const makeTenant: World['makeTenant'] = async (suffix = 'a') => {
    const made = await call('POST', '/v1/tenants', { key: rootKey, body: { name: `tenant ${suffix}` } })
    if (made.status !== 201) throw new Error(`no tenant: ${made.text}`)
    const id = made.json.id as string
    const key = await makeKey({ id, key: '', keyId: '' }, { scopes: [...SCOPES] })
    return { id, key, keyId: key.slice(6, 22) }
  }
  return { rootKey, lines, bindingCalls: () => bindingCalls, fetch, call, makeTenant, makeKey }
}

/** Whether an answer is a problem of this status, as callers may rely on it. */
export function problemOf({ status, headers, json }: Answer): { status: number; code: string; pointers: string[] } {
  const isProblem =
    headers.get('content-type') === 'application/problem+json' &&
    json.status === status &&
    json.requestId === headers.get('x-request-id') &&
    String(json.type).endsWith(json.code)
  if (!isProblem) throw new Error(`not a problem: ${status} ${JSON.stringify(json)}`)
  return { status, code: json.code, pointers: (json.errors ?? []).map(({ pointer }: { pointer: string }) => pointer) }
}
