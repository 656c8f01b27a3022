/**
 * The reference at `/docs` and the pages of problems: plain HTML written on the server from the OpenAPI document and the
 * problem table. No scripts, so that the strict policy of the pages holds by itself.
 */
import { PROBLEMS } from '../core/problem.ts'
import type { ProblemCode } from '../core/problem.ts'
import { problemPath } from './problem-response.ts'

/** The parts of an OpenAPI document that are shown. */
export interface ShownDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  readonly tags?: readonly { readonly name: string; readonly description?: string }[]
  readonly paths?: object
  readonly components?: { readonly schemas?: object }
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly description?: string
  readonly schema?: Schema & { readonly description?: string }
}

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly description?: string
  readonly default?: unknown
}

interface Content {
  readonly [mediaType: string]: { readonly schema?: Schema; readonly example?: unknown }
}

interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Makes a text safe inside HTML and attribute values. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')

/** Descriptions know two marks: `code` and paragraphs. */
const prose = (text: string): string =>
  text
    .split('\n\n')
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => `<p>${escapeHtml(paragraph).replaceAll(/`([^`]+)`/g, '<code>$1</code>')}</p>`)
    .join('')

function layout(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
</head>
<body class="reference">
<header class="bar"><a class="brand" href="/">Nearfield</a><nav aria-label="Site"><a href="/">Search</a><a href="/docs">Reference</a><a href="/openapi.json">OpenAPI</a></nav></header>
<main>
${body}
</main>
</body>
</html>
`
}

function schemaName({ $ref = '' }: Schema): string | undefined {
  return $ref === '' ? undefined : $ref.slice($ref.lastIndexOf('/') + 1)
}

/** One line that says what a value is, with links to named schemas. */
function typeOf(schema: Schema): string {
  const name = schemaName(schema)
  if (name !== undefined) return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return choices.map(typeOf).join(' or ')
  if (schema.allOf !== undefined) return schema.allOf.map(typeOf).join(' and ')
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(' ')
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}`
  const { type = 'any' } = schema
  return escapeHtml(typeof type === 'string' ? type : type.join(' or '))
}

function row(name: string, isRequired: boolean, schema: Schema, description = schema.description): string {
  const byDefault =
    schema.default === undefined ? '' : ` Default <code>${escapeHtml(JSON.stringify(schema.default))}</code>.`
  return `<tr><th scope="row"><code>${escapeHtml(name)}</code>${isRequired ? ' <span class="required">required</span>' : ''}</th><td>${typeOf(schema)}</td><td>${description === undefined ? '' : prose(description)}${byDefault}</td></tr>`
}

const table = (caption: string, rows: readonly string[]): string =>
  rows.length === 0
    ? ''
    : `<div class="scroll" tabindex="0"><table><caption>${escapeHtml(caption)}</caption><tbody>${rows.join('')}</tbody></table></div>`

const properties = (schema: Schema): string[] =>
  Object.entries(schema.properties ?? {}).map(([name, property]) =>
    row(name, schema.required?.includes(name) ?? false, property),
  )

function operationSection(path: string, method: string, operation: Operation): string {
  const parameters = (operation.parameters ?? []).map((parameter) =>
    row(
      `${parameter.name}${parameter.in === 'header' ? ' (header)' : parameter.in === 'query' ? ' (query)' : ''}`,
      parameter.required ?? false,
      parameter.schema ?? {},
      parameter.description ?? parameter.schema?.description,
    ),
  )
  const body = operation.requestBody?.content['application/json']
  const responses = Object.entries(operation.responses).map(
    ([status, { description, content }]) =>
      `<tr><th scope="row">${escapeHtml(status)}</th><td>${Object.values(content ?? {})
        .map(({ schema }) => typeOf(schema ?? {}))
        .join(', ')}</td><td>${prose(description)}</td></tr>`,
  )
  return `<section id="${escapeHtml(operation.operationId)}" class="operation">
<h3>${escapeHtml(operation.summary)}</h3>
<p class="call"><span class="method ${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</span> <code>${escapeHtml(path)}</code></p>
${prose(operation.description ?? '')}
${table('Parameters', parameters)}
${body?.schema === undefined ? '' : `<p>Body: ${typeOf(body.schema)}</p>`}
${body?.example === undefined ? '' : `<pre tabindex="0"><code>${escapeHtml(JSON.stringify(body.example, null, 2))}</code></pre>`}
${table('Responses', responses)}
</section>`
}

/** The whole reference on one page. */
export function referencePage(document: ShownDocument): string {
  const { info, tags = [], paths = {}, components } = document
  const operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  )
  const sections = tags.map(({ name, description = '' }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name))
    return `<h2 id="group-${escapeHtml(name)}">${escapeHtml(name)}</h2>${prose(description)}${own
      .map(({ path, method, operation }) => operationSection(path, method, operation))
      .join('')}`
  })
  const schemas = Object.entries((components?.schemas ?? {}) as Record<string, Schema>).map(
    ([name, schema]) =>
      `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${prose(schema.description ?? '')}${
        schema.properties === undefined ? `<p>${typeOf(schema)}</p>` : table('Members', properties(schema))
      }</section>`,
  )
  const problems = (Object.keys(PROBLEMS) as ProblemCode[]).map(
    (code) =>
      `<tr><th scope="row"><a href="${problemPath(code)}"><code>${code}</code></a></th><td>${PROBLEMS[code].status}</td><td>${escapeHtml(PROBLEMS[code].title)}</td></tr>`,
  )
  const contents = tags.map(({ name }) => `<a href="#group-${escapeHtml(name)}">${escapeHtml(name)}</a>`).join('')
  return layout(
    `${info.title} reference`,
    `<h1>Reference</h1><p class="lead">${escapeHtml(info.description ?? '')} Version ${escapeHtml(info.version)}.</p>
<nav class="contents" aria-label="Contents">${contents}<a href="#schemas">schemas</a><a href="#problems">problems</a></nav>
${sections.join('\n')}
<h2 id="schemas">schemas</h2>${schemas.join('\n')}
<h2 id="problems">problems</h2>${prose('Every refusal is `application/problem+json` (RFC 9457) with one of these codes.')}
${table('Codes', problems)}`,
  )
}

/** What `type` of a problem links to. */
export function problemPage(code: ProblemCode): string {
  const { status, title, retryable } = PROBLEMS[code]
  const advice = retryable
    ? 'The same request may succeed later; wait as long as Retry-After says.'
    : 'The same request will fail again; change it first.'
  return layout(
    code,
    `<h1><code>${code}</code></h1><p class="lead">${escapeHtml(title)}</p><p>HTTP status ${status}. ${advice}</p>
<p><a href="/docs#problems">All problems</a></p>`,
  )
}
