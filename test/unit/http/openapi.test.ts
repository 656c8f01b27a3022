import { beforeAll, describe, expect, it } from 'vitest'
import { asProblem, PROBLEMS } from '../../../src/core/problem.ts'
import { openApiDocument } from '../../../src/http/openapi.ts'
import { escapeHtml, problemPage, referencePage } from '../../../src/http/reference-page.ts'
import { ROUTES } from '../../../src/http/routes.ts'
import type { Principal } from '../../../src/tenancy/principal.ts'

const NOW_MS = 1_800_000_000_000
const secret = { kind: 'secret', keyId: 'x', scopes: new Set(['search', 'answer', 'admin']) } as unknown as Principal
const root: Principal = { kind: 'root', keyId: 'x', scopes: new Set() }

interface Operation {
  operationId: string
  tags: string[]
  security: object[]
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, { schema: object; example: object }> }
  responses: Record<string, { description: string; content?: Record<string, object> }>
}

let document: ReturnType<typeof openApiDocument>
let operations: { path: string; method: string; operation: Operation }[]

beforeAll(() => {
  document = openApiDocument(ROUTES, '1.2.3')
  operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation: operation as Operation })),
  )
})

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 and holds every route once, under its own name', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(operations.map(({ path, method }) => `${method} ${path}`).sort()).toEqual(
      ROUTES.map(({ path, method }) => `${method} ${path}`).sort(),
    )
    const names = operations.map(({ operation }) => operation.operationId)
    expect(new Set(names).size).toBe(names.length)
  })

  it('resolves every reference inside itself', () => {
    const text = JSON.stringify(document)
    const schemas = Object.keys(document.components?.schemas ?? {})
    for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) expect(schemas).toContain(name)
  })

  it('declares every path parameter, the security scheme and the refusals of each operation', () => {
    for (const { path, operation } of operations) {
      const declared =
        operation.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => name) ?? []
      expect(declared).toEqual([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name))
      expect(operation.security).toEqual([{ bearer: [] }])
      for (const status of ['400', '401', '403']) {
        expect(operation.responses[status]?.content).toHaveProperty(['application/problem+json'])
      }
    }
  })

  it('tells the refusals that only the work of an operation has', () => {
    const statuses = (operationId: string): string[] =>
      Object.keys(operations.find(({ operation }) => operation.operationId === operationId)?.operation.responses ?? {})
    expect(statuses('deleteModel')).toContain('409')
    expect(statuses('deleteKey')).not.toContain('409')
    expect(statuses('search')).toContain('410')
    expect(statuses('searchCollections')).toContain('410')
  })

  it('leaves out what is not built yet', () => {
    const text = JSON.stringify(document)
    for (const name of ['region', 'stream', 'vectors"],']) {
      expect(text).not.toContain(`"${name}":`)
    }
  })

  it('describes uploads as what they are, with an example that fits', () => {
    const streamed = ROUTES.filter(({ upload }) => upload !== undefined)
    expect(streamed.map(({ operationId }) => operationId)).toEqual(['uploadFiles', 'importModel'])
    for (const { operationId, upload } of streamed) {
      const { operation } = operations.find((known) => known.operation.operationId === operationId)!
      const types = Object.keys(operation.requestBody?.content ?? {})
      expect(types).toContain('application/octet-stream')
      expect(operation.responses['413']?.description).toContain('100 MB')
      const form = upload?.content['multipart/form-data']
      if (form !== undefined) expect(form.schema.safeParse(form.example).success).toBe(true)
    }
  })

  it('gives examples that the routes themselves accept', () => {
    for (const route of ROUTES) {
      if (route.body === undefined) continue
      const { schema, parse, example } = route.body
      expect(schema.safeParse(example).success, route.operationId).toBe(true)
      const principal = route.access.kind === 'key' ? secret : root
      expect(() => parse?.(example, principal, NOW_MS), route.operationId).not.toThrow()
    }
  })
})

describe('schemas that only describe what another room parses', () => {
  /** Accepted or refused, by the schema and by the parser. */
  const verdicts = (operationId: string, value: unknown): { schema: boolean; parser: boolean } => {
    const body = ROUTES.find((route) => route.operationId === operationId)?.body
    let parser = true
    try {
      body?.parse?.(value, secret, NOW_MS)
    } catch (error) {
      if (asProblem(error) === undefined) throw error
      parser = false
    }
    return { schema: body?.schema.safeParse(value).success ?? false, parser }
  }
  const agree = (operationId: string, value: unknown, verdict: boolean): void => {
    expect({ value, ...verdicts(operationId, value) }).toEqual({ value, schema: verdict, parser: verdict })
  }

  it('agree about searches', () => {
    const query = 'heron'
    const good = [
      { query },
      { vector: [0.5, 1] },
      { query, mode: 'keyword', limit: 1_000, facets: ['a'], fields: [], groupBy: 'document' },
      { query, fusion: { method: 'rrf', alpha: 1, rankConstant: 1 }, minScore: 0.2, exact: true, explain: true },
      { query, filter: { a: { $gt: 1 } }, feedback: true, language: 'de', highlight: false },
    ]
    const bad = [
      7,
      { query: '' },
      { query, mode: 'fuzzy' },
      { query, limit: 0 },
      { query, limit: 1_001 },
      { query, limit: 2.5 },
      { query, limit: '5' },
      { query, fusion: { method: 'sum' } },
      { query, fusion: { alpha: 1.5 } },
      { query, fusion: { beta: 1 } },
      { query, groupBy: 'title' },
      { query, facets: 'a' },
      { query, exact: 1 },
      { query, rerank: {} },
      { query, colour: 1 },
      { query: 5 },
    ]
    for (const value of good) agree('search', value, true)
    for (const value of bad) agree('search', value, false)
    agree('searchCollections', { query, collections: ['a', 'b'] }, true)
    for (const collections of [undefined, [], 'a', [1]]) agree('searchCollections', { query, collections }, false)
  })

  it('agree about questions', () => {
    const question = 'who?'
    const messages = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'who?' },
    ]
    for (const value of [{ question }, { messages }, { question, generator: 'extractive', search: { limit: 3 } }]) {
      agree('answer', value, true)
    }
    for (const value of [
      7,
      { question: '' },
      { question: 5 },
      { messages: [] },
      { messages: [{ role: 'robot', content: 'x' }] },
      { messages: [{ role: 'user', content: 'x', name: 'y' }] },
      { question, generator: 'gpt' },
      { question, stream: true },
      { question, search: { limit: 0 } },
      { question, search: { cursor: 'x' } },
      { question, colour: 1 },
    ]) {
      agree('answer', value, false)
    }
  })

  it('agree about documents', () => {
    const id = 'a'
    const good = [
      { id, text: 'x' },
      { id, markdown: '# x', title: 't', url: 'https://x.example/', language: 'auto', metadata: { a: { b: [1] } } },
      { id, html: '<p>x', vector: [1, 2] },
    ]
    const bad = [
      { text: 'x' },
      { id: '', text: 'x' },
      { id, text: 5 },
      { id, text: 'x', colour: 1 },
      { id, text: 'x', acl: [] },
    ]
    for (const document of good) agree('putDocuments', { documents: [document] }, true)
    for (const document of bad) agree('putDocuments', { documents: [document] }, false)
    for (const value of [{}, { documents: [] }, { documents: good[0] }, { documents: good, more: 1 }]) {
      agree('putDocuments', value, false)
    }
    agree('patchDocument', { title: null, url: 'https://x.example/', metadata: { a: null } }, true)
    for (const value of [{ text: 'x' }, { title: 5 }, { metadata: [] }]) agree('patchDocument', value, false)
    agree('deleteDocuments', { ids: ['a', 'b'] }, true)
    agree('deleteDocuments', { filter: { a: 1 } }, true)
    for (const value of [{}, { ids: [] }, { ids: 'a' }, { ids: ['a'], filter: { a: 1 } }]) {
      agree('deleteDocuments', value, false)
    }
  })
})

describe('the reference', () => {
  it('shows every operation and every problem, without scripts or inline styles', () => {
    const html = referencePage(document)
    for (const { operation } of operations)
      expect(html.includes(`id="${operation.operationId}"`), operation.operationId).toBe(true)
    for (const code of Object.keys(PROBLEMS)) expect(html.includes(`/problems/${code}"`), code).toBe(true)
    expect(/<script|<style| style=| on[a-z]+=|(?:href|src)="https?:/.exec(html)).toBeNull()
  })

  it('says what every operation takes, files included', () => {
    const html = referencePage(document)
    for (const { operation } of operations.filter(({ operation: { requestBody } }) => requestBody !== undefined)) {
      const [, section = ''] = html.split(`id="${operation.operationId}"`)
      expect(section.split('</section>')[0], operation.operationId).toMatch(/<p>(?:Body|Form)/)
    }
  })

  it('links only to what is on the page', () => {
    const html = referencePage(document)
    for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) expect(html.includes(`id="${id}"`), id).toBe(true)
  })

  it('escapes what it shows', () => {
    expect(escapeHtml(`<a href="x" id='y'>&`)).toBe('&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;')
  })

  it('explains each problem on a page of its own', () => {
    expect(problemPage('rate_limited')).toContain('Retry-After')
    expect(problemPage('not_found')).toContain('404')
  })
})
