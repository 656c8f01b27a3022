/**
 * Checks a value against a schema of the OpenAPI document, more strictly than JSON Schema would: an object that lists its
 * properties may hold no other, so that a field that nobody documented cannot slip out. A keyword that is not known here is
 * an error, never passed over.
 */

export type Schema = Readonly<Record<string, unknown>>
export type Components = Readonly<Record<string, Schema>>

const ANNOTATIONS = new Set([
  'description',
  'example',
  'examples',
  'default',
  'title',
  'deprecated',
  'contentMediaType',
])
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Follows a reference into the document's own components. */
export function resolved(schema: Schema, components: Components): Schema {
  const reference = schema['$ref']
  if (typeof reference !== 'string') return schema
  const target = components[reference.replace('#/components/schemas/', '')]
  if (target === undefined) throw new Error(`${reference} is not in the document`)
  return target
}

/** The properties that a schema lists by itself; empty where it lists none. */
export function propertiesOf(schema: Schema, components: Components): Readonly<Record<string, Schema>> {
  const listed: unknown = resolved(schema, components)['properties']
  return isObject(listed) ? (listed as Record<string, Schema>) : {}
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
    case 'string':
    case 'boolean':
      return typeof value === type
    default:
      throw new Error(`the type ${type} is not known`)
  }
}

/** Names of the properties that the schema lists, through references and `allOf`; `undefined` where any may stand. */
function listedProperties(schema: Schema, components: Components): Set<string> | undefined {
  const own = resolved(schema, components)
  const parts = (own['allOf'] as Schema[] | undefined)?.map((part) => listedProperties(part, components)) ?? []
  const isOpen = own['additionalProperties'] !== undefined && own['additionalProperties'] !== false
  if (isOpen || (own['properties'] === undefined && parts.length === 0)) return undefined
  if (parts.includes(undefined)) return undefined
  return new Set([...Object.keys(propertiesOf(own, components)), ...parts.flatMap((part) => [...(part ?? [])])])
}

/** What is wrong with the value, each fault with its pointer; empty for a good one. */
export function schemaFaults(schema: Schema, value: unknown, components: Components, at = ''): string[] {
  const faults = faultsOf(resolved(schema, components), value, components, at)
  if (!isObject(value)) return faults
  const listed = listedProperties(schema, components)
  const unlisted = listed === undefined ? [] : Object.keys(value).filter((name) => !listed.has(name))
  return [...faults, ...unlisted.map((name) => `${at}/${name} is not documented`)]
}

function faultsOf(schema: Schema, value: unknown, components: Components, at: string): string[] {
  const faults: string[] = []
  for (const [keyword, rule] of Object.entries(schema)) {
    const isBroken = brokenBy(keyword, rule, value)
    if (isBroken === true)
      faults.push(`${at} breaks ${keyword} ${JSON.stringify(rule)}: ${JSON.stringify(value)?.slice(0, 80)}`)
    if (isBroken !== undefined || ANNOTATIONS.has(keyword)) continue
    faults.push(...nestedFaults(keyword, rule, { schema, value, components, at }))
  }
  return faults
}

/** Whether a keyword that looks at nothing nested is broken; `undefined` for other keywords. */
function brokenBy(keyword: string, rule: unknown, value: unknown): boolean | undefined {
  const length = typeof value === 'string' ? Array.from(value).length : 0
  switch (keyword) {
    case 'type':
      return !(Array.isArray(rule) ? (rule as string[]) : [rule as string]).some((type) => hasType(value, type))
    case 'enum':
      return !(rule as unknown[]).includes(value)
    case 'const':
      return rule !== value
    case 'minimum':
      return typeof value === 'number' && value < (rule as number)
    case 'maximum':
      return typeof value === 'number' && value > (rule as number)
    case 'exclusiveMinimum':
      return typeof value === 'number' && value <= (rule as number)
    case 'minLength':
      return typeof value === 'string' && length < (rule as number)
    case 'maxLength':
      return typeof value === 'string' && length > (rule as number)
    case 'pattern':
      return typeof value === 'string' && !new RegExp(rule as string, 'u').test(value)
    case 'format':
      return rule === 'date-time' && typeof value === 'string' && !RFC_3339.test(value)
    case 'minItems':
      return Array.isArray(value) && value.length < (rule as number)
    case 'maxItems':
      return Array.isArray(value) && value.length > (rule as number)
    case 'required':
      return isObject(value) && (rule as string[]).some((name) => !(name in value))
    default:
      return undefined
  }
}

interface Nested {
  readonly schema: Schema
  readonly value: unknown
  readonly components: Components
  readonly at: string
}

function nestedFaults(keyword: string, rule: unknown, { schema, value, components, at }: Nested): string[] {
  switch (keyword) {
    case '$ref':
      return schemaFaults(resolved(schema, components), value, components, at)
    case 'items':
      return Array.isArray(value)
        ? value.flatMap((item, i) => schemaFaults(rule as Schema, item, components, `${at}/${i}`))
        : []
    case 'properties':
      return isObject(value)
        ? Object.entries(rule as Record<string, Schema>).flatMap(([name, inner]) =>
            name in value ? schemaFaults(inner, value[name], components, `${at}/${name}`) : [],
          )
        : []
    case 'additionalProperties': {
      if (typeof rule === 'boolean' || !isObject(value)) return []
      const listed = propertiesOf(schema, components)
      return Object.keys(value).flatMap((name) =>
        name in listed ? [] : schemaFaults(rule as Schema, value[name], components, `${at}/${name}`),
      )
    }
    case 'allOf':
      return (rule as Schema[]).flatMap((part) => faultsOf(resolved(part, components), value, components, at))
    case 'anyOf':
    case 'oneOf': {
      const branches = (rule as Schema[]).map((part) => schemaFaults(part, value, components, at))
      return branches.some((faults) => faults.length === 0) ? [] : [`${at} fits no branch: ${branches[0]?.[0] ?? ''}`]
    }
    default:
      throw new Error(`the schema keyword ${keyword} is not known to the adversary: teach it to json-schema.ts`)
  }
}
