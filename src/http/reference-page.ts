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
  readonly minimum?: number
  readonly maximum?: number
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

/** Above this a maximum says only how numbers are kept. */
const MAX_SHOWN = 1e12

/** One line that says what a value is, with links to named schemas. */
function typeOf(schema: Schema): string {
  const name = schemaName(schema)
  if (name !== undefined) return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return choices.map(typeOf).join(' or ')
  if (schema.allOf !== undefined) return typeOfAll(schema.allOf)
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(' ')
  if (schema.items !== undefined) return `array of ${typeOf(schema.items)}`
  const { type = 'any', minimum, maximum } = schema
  const range =
    minimum === undefined || maximum === undefined || maximum > MAX_SHOWN ? '' : `, ${minimum} to ${maximum}`
  return escapeHtml((typeof type === 'string' ? type : type.join(' or ')) + range)
}

/** A named schema, to which the other parts add words, members or `null`. */
function typeOfAll(parts: readonly Schema[]): string {
  const named = parts.filter((part) => schemaName(part) !== undefined)
  const mayBeNull = parts.some(({ type }) => type?.includes('null') === true)
  return named.map(typeOf).join(' and ') + (mayBeNull ? ' or null' : '')
}

const descriptionOf = ({ description, allOf = [] }: Schema): string | undefined =>
  description ?? allOf.find((part) => part.description !== undefined)?.description

function row(name: string, isRequired: boolean, schema: Schema, description = descriptionOf(schema)): string {
  const byDefault =
    schema.default === undefined ? '' : ` Default <code>${escapeHtml(JSON.stringify(schema.default))}</code>.`
  return `<tr><th scope="row"><code>${escapeHtml(name)}</code>${isRequired ? ' <span class="required">required</span>' : ''}</th><td>${typeOf(schema)}</td><td>${description === undefined ? '' : prose(description)}${byDefault}</td></tr>`
}

const table = (caption: string, rows: readonly string[]): string =>
  rows.length === 0
    ? ''
    : `<div class="scroll" tabindex="0"><table>${caption === '' ? '' : `<caption>${escapeHtml(caption)}</caption>`}<tbody>${rows.join('')}</tbody></table></div>`

/** The members of an object, each followed by those of the nameless objects inside it. */
function properties(schema: Schema, prefix = ''): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => [
    row(`${prefix}${name}`, schema.required?.includes(name) ?? false, property),
    ...properties(property, `${prefix}${name}.`),
    ...properties(property.items ?? {}, `${prefix}${name}[].`),
  ])
  return [...own, ...(schema.allOf ?? []).flatMap((part) => properties(part, prefix))]
}

interface Call {
  readonly path: string
  readonly method: string
  readonly operation: Operation
}

type Schemas = Readonly<Record<string, Schema>>

const METHODS = ['post', 'put', 'get', 'patch', 'delete']

const byPlace = (a: Call, b: Call): number =>
  a.path === b.path ? METHODS.indexOf(a.method) - METHODS.indexOf(b.method) : a.path < b.path ? -1 : 1

const methodMark = (method: string): string =>
  `<span class="method ${escapeHtml(method)}">${escapeHtml(method.toUpperCase())}</span>`

const more = (summary: string, content: string): string => `<details><summary>${summary}</summary>${content}</details>`

function parameterRow({ name, in: place, required = false, schema = {}, description }: Parameter): string {
  const shown = place === 'path' ? name : `${name} (${place})`
  return row(shown, required, schema, description ?? schema.description)
}

function bodyPart(name: string, body: Content[string] | undefined, schemas: Schemas): string {
  const { schema, example } = body ?? {}
  if (schema === undefined) return ''
  const members = properties(schemas[schemaName(schema) ?? ''] ?? schema)
  const shown =
    example === undefined ? '' : `<pre tabindex="0"><code>${escapeHtml(JSON.stringify(example, null, 2))}</code></pre>`
  const type = typeOf(schema)
  return `<p>${name}: ${type}</p>${shown}${members.length === 0 ? '' : more('Members of the body', table('', members))}`
}

/** Refusals are much the same for every operation, so they are folded away. */
function responsesPart(responses: Operation['responses']): string {
  const rows = Object.entries(responses).map(([status, { description, content }]) => {
    const types = Object.values(content ?? {}).map(({ schema }) => typeOf(schema ?? {}))
    const cells = `<td>${types.join(', ')}</td><td>${prose(description)}</td>`
    return { status, html: `<tr><th scope="row">${escapeHtml(status)}</th>${cells}</tr>` }
  })
  const isRefusal = ({ status }: { readonly status: string }): boolean => status >= '400'
  const refusals = rows.filter(isRefusal)
  const successes = rows.filter((one) => !isRefusal(one))
  const statuses = refusals.map(({ status }) => escapeHtml(status)).join(' ')
  return (
    table(
      'Answers',
      successes.map(({ html }) => html),
    ) +
    more(
      `Refusals <span class="statuses">${statuses}</span>`,
      table(
        '',
        refusals.map(({ html }) => html),
      ),
    )
  )
}

/** Of an upload that is no form. */
const isFileOnly = (content: Content = {}): boolean =>
  'application/octet-stream' in content && !('multipart/form-data' in content)

function operationSection({ path, method, operation }: Call, schemas: Schemas): string {
  const { operationId, summary, description = '', parameters = [], requestBody, responses } = operation
  const id = escapeHtml(operationId)
  return `<section id="${id}" class="operation">
<h3><a href="#${id}">${escapeHtml(summary)}</a></h3>
<p class="call">${methodMark(method)} <code>${escapeHtml(path)}</code></p>
${prose(description)}
${table('Parameters', parameters.map(parameterRow))}
${bodyPart('Body', requestBody?.content['application/json'], schemas)}
${bodyPart('Form, or the bytes of one file as the body', requestBody?.content['multipart/form-data'], schemas)}
${isFileOnly(requestBody?.content) ? '<p>Body: the bytes of a file.</p>' : ''}
${responsesPart(responses)}
</section>`
}

/** A group's operations at a glance. */
function callList(calls: readonly Call[]): string {
  const lines = calls.map(
    ({ path, method, operation: { operationId, summary } }) =>
      `<li>${methodMark(method)} <code>${escapeHtml(path)}</code> <a href="#${escapeHtml(operationId)}">${escapeHtml(summary)}</a></li>`,
  )
  return `<ul class="calls">${lines.join('')}</ul>`
}

const contentsEntry = (id: string, name: string, calls: readonly Call[] = []): string =>
  `<li><a href="#${escapeHtml(id)}">${escapeHtml(name)}</a>${
    calls.length === 0
      ? ''
      : `<ul>${calls
          .map(
            ({ operation }) =>
              `<li><a href="#${escapeHtml(operation.operationId)}">${escapeHtml(operation.summary)}</a></li>`,
          )
          .join('')}</ul>`
  }</li>`

/** The whole reference on one page. */
export function referencePage(document: ShownDocument): string {
  const { info, tags = [], paths = {}, components } = document
  const schemas = (components?.schemas ?? {}) as Schemas
  const calls = Object.entries(paths as Record<string, Record<string, Operation>>)
    .flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => ({ path, method, operation })))
    .sort(byPlace)
  const groups = tags.map(({ name, description = '' }) => ({
    name,
    description,
    id: `group-${name}`,
    calls: calls.filter(({ operation }) => operation.tags.includes(name)),
  }))
  const sections = groups.map(
    (group) =>
      `<h2 id="${escapeHtml(group.id)}">${escapeHtml(group.name)}</h2>${prose(group.description)}${callList(group.calls)}${group.calls
        .map((call) => operationSection(call, schemas))
        .join('')}`,
  )
  const schemaSections = Object.entries(schemas)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, schema]) =>
        `<section id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${prose(schema.description ?? '')}${
          schema.properties === undefined ? `<p>${typeOf(schema)}</p>` : ''
        }${table('Members', properties(schema))}</section>`,
    )
  const problems = (Object.keys(PROBLEMS) as ProblemCode[]).map(
    (code) =>
      `<tr><th scope="row"><a href="${problemPath(code)}"><code>${code}</code></a></th><td>${PROBLEMS[code].status}</td><td>${escapeHtml(PROBLEMS[code].title)}</td></tr>`,
  )
  const contents = groups.map(({ id, name, calls: own }) => contentsEntry(id, name, own)).join('')
  return layout(
    `${info.title} reference`,
    `<div class="columns">
<div class="opening"><h1>Reference</h1><p class="lead">${escapeHtml(info.description ?? '')} Version ${escapeHtml(info.version)}.</p>
<p>Every call carries <code>Authorization: Bearer …</code> with a key or a token. The guides are in the folder <code>docs</code> of the source.</p></div>
<nav class="contents" aria-label="Contents"><ul>${contents}${contentsEntry('schemas', 'schemas')}${contentsEntry('problems', 'problems')}</ul></nav>
<div class="groups">
${sections.join('\n')}
<h2 id="schemas">schemas</h2>${schemaSections.join('\n')}
<h2 id="problems">problems</h2>${prose('Every refusal is `application/problem+json` (RFC 9457) with one of these codes.')}
${table('Codes', problems)}
</div>
</div>`,
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
