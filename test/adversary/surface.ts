/**
 * The attack surface: every operation of the served OpenAPI document. Nothing else lists routes here, so a new route is
 * attacked by being documented, and one that is not documented does not exist (a test compares the two).
 */
import { jsonOf } from './wire.ts'
import type { Send, WireAnswer } from './wire.ts'
import { schemaFaults } from './json-schema.ts'
import type { Components, Schema } from './json-schema.ts'

export interface Operation {
  readonly id: string
  readonly method: string
  /** `/v1/keys/{id}` */
  readonly path: string
  /** What each parameter of the path names, such as `keys/id`; in order. */
  readonly places: readonly string[]
  readonly query: readonly { readonly name: string; readonly schema: Schema }[]
  readonly headers: readonly string[]
  readonly body: { readonly mediaType: string; readonly schema: Schema; readonly example: unknown } | undefined
  /** By status; the schema by media type. */
  readonly responses: Readonly<Record<string, Readonly<Record<string, Schema | undefined>>>>
  /** Answers without a credential. */
  readonly isPublic: boolean
}

export interface Surface {
  readonly operations: readonly Operation[]
  readonly components: Components
}

interface Content {
  readonly schema?: Schema
  readonly example?: unknown
}

interface DocumentedOperation {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>
  readonly components: { readonly schemas: Components }
}

/** `/v1/collections/{collection}/documents/{id}` → `collections/collection`, `documents/id` */
export const placesOf = (path: string): string[] =>
  [...path.matchAll(/([A-Za-z-]+)\/\{([^}]+)\}/g)].map(([, before, name]) => `${before}/${name}`)

/** Puts segments, escaped already, where the parameters stand. */
export function filledPath(path: string, segments: readonly string[]): string {
  let next = 0
  return path.replaceAll(/\{[^}]+\}/g, () => segments[next++] ?? '')
}

export async function surfaceOf(send: Send): Promise<Surface> {
  const document = jsonOf(await send({ method: 'GET', path: '/openapi.json', headers: {} })) as OpenApi
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationOf(path, method, operation)),
  )
  return { operations, components: document.components.schemas }
}

function operationOf(path: string, method: string, documented: DocumentedOperation): Operation {
  const { operationId, parameters = [], requestBody, responses, security } = documented
  const [mediaType, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
  return {
    id: operationId,
    method: method.toUpperCase(),
    path,
    places: placesOf(path),
    query: parameters.filter((parameter) => parameter.in === 'query'),
    headers: parameters.filter((parameter) => parameter.in === 'header').map(({ name }) => name),
    body:
      mediaType === undefined || content === undefined
        ? undefined
        : { mediaType, schema: content.schema ?? {}, example: content.example },
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [
        status,
        Object.fromEntries(Object.entries(response.content ?? {}).map(([type, { schema }]) => [type, schema])),
      ]),
    ),
    isPublic: security?.length === 0,
  }
}

/** Whether the operation leaves everything as it was. */
export const isSafe = ({ method, id }: Operation): boolean =>
  method === 'GET' ||
  ['search', 'searchCollections', 'answer', 'createEmbeddings', 'rerank', 'createToken'].includes(id)

/** Whether what the path names is gone, or another thing, after success. */
export const destroys = ({ method, id }: Operation): boolean =>
  method === 'DELETE' || /cancel|delete|updateCollection/i.test(id)

/** Whether only the root key may call it. */
export const isForOperator = ({ path }: Operation): boolean => /^\/v1\/tenants(\/|$)/.test(path)

/** Whether the root key may call it at all: tenants, and what it administers for one. */
export const isForRoot = (operation: Operation): boolean =>
  isForOperator(operation) || operation.headers.includes('Nearfield-Tenant')

const COMMON_HEADERS: Readonly<Record<string, RegExp>> = {
  'x-request-id': /^req_[0-9A-Za-z]{16}$/,
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'content-security-policy': /default-src 'none'/,
  'cache-control': /^no-store$/,
  vary: /(^|, ?)Origin/i,
}

/** Faults of any answer under `/v1`: of its headers, of its form as a problem, of its body against the schema. */
export function answerFaults({ components }: Surface, operation: Operation | undefined, answer: WireAnswer): string[] {
  const { status, headers, text } = answer
  const faults = Object.entries(COMMON_HEADERS).flatMap(([name, form]) =>
    form.test(headers[name] ?? '') ? [] : [`the header ${name} is ${headers[name] ?? 'missing'}`],
  )
  if (status >= 500) faults.push(`the status is ${status}`)
  if (/\n\s+at |\.ts:\d+/.test(text)) faults.push('the body holds a stack trace')
  const [type = ''] = (headers['content-type'] ?? '').split(';')
  if (status >= 400) return [...faults, ...problemFaults(components, answer, type)]
  if (operation === undefined) return faults
  const contents = operation.responses[String(status)]
  if (contents === undefined) return [...faults, `the status ${status} is not documented`]
  if (text === '' && Object.keys(contents).length === 0) return faults
  if (!(type in contents)) return [...faults, `the type "${type}" is not documented for ${status}`]
  const schema = contents[type]
  const isJson = /^application\/json$/.test(type)
  if (schema === undefined || !isJson) return faults
  return [...faults, ...schemaFaults(schema, jsonOf(answer), components).map((fault) => `body ${fault}`)]
}

/** Codes are only known where the caller passes them; here the form counts. */
function problemFaults(components: Components, answer: WireAnswer, type: string): string[] {
  const problem = components['Problem']
  if (problem === undefined) throw new Error('the document does not describe problems')
  if (type !== 'application/problem+json') return [`a refusal has the type "${type}"`]
  const body = jsonOf(answer) as Record<string, unknown> | undefined
  if (body === undefined) return ['a refusal is not JSON']
  const { status, headers } = answer
  const faults = schemaFaults(problem, body, components).map((fault) => `problem ${fault}`)
  if (body['status'] !== status) faults.push('the problem tells another status')
  if (body['requestId'] !== headers['x-request-id']) faults.push('the problem tells another request id')
  if (!String(body['type']).endsWith(`/problems/${String(body['code'])}`)) faults.push('the type does not fit the code')
  if (status === 401 && headers['www-authenticate'] !== 'Bearer') faults.push('401 without WWW-Authenticate')
  if (status === 429 && headers['retry-after'] === undefined) faults.push('429 without Retry-After')
  return faults
}

export const codeOf = (answer: WireAnswer): string | undefined => {
  const body = jsonOf(answer)
  const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : undefined
  return typeof code === 'string' ? code : undefined
}
