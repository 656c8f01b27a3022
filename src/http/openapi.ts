/** The OpenAPI 3.1 document, generated from the schemas that the routes themselves parse with. */
import { OpenAPIHono, z } from '@hono/zod-openapi'
import { unreachable } from '../core/invariant.ts'
import { MAX_BODY_BYTES, MAX_DOCUMENT_ID_BYTES } from '../core/limits.ts'
import { PROBLEM_MEDIA_TYPE, problemSchema } from './problem-response.ts'
import type { Access, Reply, Route } from './route.ts'

export type OpenApiDocument = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const TAGS = [
  { name: 'search', description: 'Which chunks are near and contain the words?' },
  { name: 'answers', description: 'What do the documents say, with checked citations?' },
  { name: 'documents', description: 'What callers give and get back.' },
  { name: 'collections', description: "A tenant's named sets of documents." },
  { name: 'sources', description: 'Sites and parts of the inbox that feed a collection by themselves.' },
  { name: 'jobs', description: 'Writes that were accepted and are being indexed.' },
  { name: 'keys', description: 'Who may do what inside a tenant.' },
  {
    name: 'tokens',
    description:
      'What an end user may do for minutes or hours: made here, or signed in your back end without a request.',
  },
  { name: 'usage', description: 'What was used, what is left of limits, and what it costs by estimate.' },
  {
    name: 'models',
    description: 'What makes vectors, judges and writes: of the product, and of providers that a tenant chooses.',
  },
  { name: 'webhooks', description: 'What happened, told to an address of yours; signed as Standard Webhooks.' },
  {
    name: 'audit',
    description:
      'Who did what, in a chain that shows every change. The keys of its signatures are at `/.well-known/jwks.json`.',
  },
  { name: 'tenants', description: 'Isolated from one another; made, limited, exported and erased with the root key.' },
]

const PARAMETERS: Readonly<Record<string, string>> = {
  collection: "The collection's name or its id `col_…`.",
  id: `Percent-encoded, \`/\` included; at most ${MAX_DOCUMENT_ID_BYTES} UTF-8 bytes.`,
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'The request is not valid; `errors` names the fields.',
  401: 'No valid credential.',
  403: 'The credential does not allow this.',
  404: "Absent, another tenant's, or out of the credential's reach: one identical answer.",
  409: 'In use, or a request with the same idempotency key is in flight; see `code`.',
  410: 'The cursor is of an index that was replaced.',
  412: 'The document is not the version that If-Match names.',
  415: 'The body is not JSON.',
  422: 'The idempotency key belongs to another request.',
  429: 'Too many requests, or a quota is used up; see Retry-After, RateLimit and RateLimit-Policy.',
  502: "The model's provider failed, or refused the request: see `code`.",
  503: 'Busy; see Retry-After.',
  504: "The model's provider did not answer in time.",
}

function whoMayCall(access: Access): string {
  switch (access.kind) {
    case 'root':
      return 'For the root key.'
    case 'admin':
      return access.operator === true
        ? 'For keys with the scope `admin`, or the root key: with the header `Nearfield-Tenant` for a tenant, without it for the operator.'
        : 'For keys with the scope `admin`, or the root key with the header `Nearfield-Tenant`.'
    case 'key':
      return [
        access.anyOf === undefined
          ? 'For every key of a tenant.'
          : `For keys with the scope ${access.anyOf.map((scope) => `\`${scope}\``).join(' or ')}.`,
        ...(access.secretOnly ? ['Not public keys, not tokens.'] : []),
        ...(access.unfiltered ? ['Not keys with a filter.'] : []),
      ].join(' ')
  }
  return unreachable(access)
}

const isWrite = (route: Route): boolean => route.body !== undefined || route.method === 'post'

function refusalsOf(route: Route): number[] {
  const statuses = [400, 401, 403, 503]
  if (route.path.includes('{') || route.namesCollections === true) statuses.push(404)
  if (route.body !== undefined || route.upload !== undefined) statuses.push(413, 415)
  if (isWrite(route)) statuses.push(409, 422)
  if (route.access.kind !== 'root') statuses.push(429)
  if (route.callsModels === true) statuses.push(502, 504)
  if (route.headers?.['If-Match'] !== undefined) statuses.push(412)
  return [...new Set([...statuses, ...(route.refusals ?? [])])].sort((a, b) => a - b)
}

function refusal({ body, upload }: Route, status: number): string | undefined {
  if (upload !== undefined && status === 413) return upload.limits
  if (upload !== undefined && status === 415) return 'The body is compressed.'
  return status === 413 ? `The body is over ${(body?.maxBytes ?? MAX_BODY_BYTES) / 1e6} MB.` : REFUSALS[status]
}

function requestHeaders(route: Route): z.ZodObject {
  const headers: Record<string, string> = {
    ...(route.access.kind === 'admin' ? { 'Nearfield-Tenant': 'With the root key: the tenant to act for.' } : {}),
    ...(isWrite(route)
      ? { 'Idempotency-Key': 'At most 255 printable ASCII characters; a repeat within 24 h replays the answer.' }
      : {}),
    ...route.headers,
  }
  return z.object(
    Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        z.string().optional().openapi({ param: { description } }),
      ]),
    ),
  )
}

function pathParameters(route: Route): z.ZodObject {
  const names = [...route.path.matchAll(/\{([^}]+)\}/g)].map(([, name = '']) => name)
  return z.object(
    Object.fromEntries(
      names.map((name) => [
        name,
        z.string().openapi({
          param: {
            description: (name === 'id' && route.tag !== 'documents' ? undefined : PARAMETERS[name]) ?? 'The id.',
          },
        }),
      ]),
    ),
  )
}

function successes(route: Route): [string, object][] {
  return Object.entries(route.responses).map(([status, response]) => [
    status,
    {
      description: response.description,
      ...(response.schema === undefined ? {} : { content: { 'application/json': { schema: response.schema } } }),
      ...(response.contentType === undefined
        ? {}
        : { content: { [response.contentType]: { schema: z.string().openapi({ format: 'binary' }) } } }),
      ...(response.headers === undefined
        ? {}
        : {
            headers: Object.fromEntries(
              Object.entries(response.headers).map(([name, description]) => [
                name,
                { description, schema: { type: 'string' } },
              ]),
            ),
          }),
    },
  ])
}

type Documented = NonNullable<Parameters<OpenAPIHono['openAPIRegistry']['registerPath']>[0]['request']>

function requestBody({ body, upload }: Route): Pick<Documented, 'body'> {
  if (upload !== undefined) return { body: { required: true, content: upload.content } }
  if (body === undefined) return {}
  return { body: { required: true, content: { 'application/json': { schema: body.schema, example: body.example } } } }
}

/** Builds the document of all routes; some milliseconds, so keep it. */
export function openApiDocument(routes: readonly Route[], version: string): OpenApiDocument {
  const generator = new OpenAPIHono()
  const registry = generator.openAPIRegistry
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description:
      'A key: `nf_sk_…` for back ends, `nf_pk_…` for websites, `nf_rk_…` for the operator. Or a token for an end user, signed by a secret key.',
  })
  const problem = { content: { [PROBLEM_MEDIA_TYPE]: { schema: problemSchema } } }
  for (const route of routes) {
    registry.registerPath({
      method: route.method,
      path: route.path,
      operationId: route.operationId,
      tags: [route.tag],
      summary: route.summary,
      description: [route.description, whoMayCall(route.access)].filter(Boolean).join('\n\n'),
      security: [{ bearer: [] }],
      request: {
        params: pathParameters(route),
        headers: requestHeaders(route),
        ...(route.query === undefined ? {} : { query: route.query as z.ZodObject }),
        ...requestBody(route),
      },
      responses: Object.fromEntries([
        ...successes(route),
        ...refusalsOf(route).map((status) => [String(status), { description: refusal(route, status), ...problem }]),
      ]) as Record<Reply['status'], { description: string }>,
    })
  }
  return generator.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Nearfield',
      version,
      description: 'Multi-tenant semantic search: hybrid retrieval and answers with checked citations.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
  })
}
