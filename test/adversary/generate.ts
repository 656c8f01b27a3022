/** Values that fit a schema of the OpenAPI document, more or less: where the fuzzer starts. Everything comes from dice. */
import { resolved } from './json-schema.ts'
import type { Components, Schema } from './json-schema.ts'
import type { Dice } from './wire.ts'

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const WORDS = ['heron', 'weir', 'ferry', 'blue', 'docs-1', 'edge-en', 'en', 'auto', 'col_x7Qm2LsV0aZp91Rt', 'x', '2020']
const MAX_DEPTH = 6

/** Strings that programs stumble over. */
export const ODD_STRINGS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  'x\udc00y',
  '\u202egnp.exe',
  '\ufeffbom',
  'é́́́',
  '👩‍👩‍👧‍👦'.repeat(50),
  '\n\r\t\u000b',
  '__proto__',
  'constructor',
  '.',
  '..',
  '../../etc/passwd',
  '%00',
  "' OR 1=1 --",
  '<script>alert(1)</script>',
  '${7*7}{{7*7}}',
  '*',
  'null',
  '-1',
  '1e999',
  '9'.repeat(40),
  'x'.repeat(10_000),
  'x '.repeat(3_000),
  'ａ'.repeat(600),
]

export const ODD_NUMBERS = [0, -1, -0, 1.5, 1e15, 2 ** 53, -(2 ** 53), 1e308, 5e-324, 2 ** 31, 4_294_967_296, 1_000_001]

export function anyJson(dice: Dice, depth = 0): Json {
  switch (dice.below(depth > 3 ? 5 : 8)) {
    case 0:
      return null
    case 1:
      return dice.chance(0.5)
    case 2:
      return dice.pick(ODD_NUMBERS)
    case 3:
      return dice.pick(ODD_STRINGS)
    case 4:
      return dice.pick(WORDS)
    case 5:
      return Array.from({ length: dice.below(4) }, () => anyJson(dice, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: dice.below(4) }, () => [
          dice.pick([...WORDS, '$in', '$not', '$and', '$gt', '$exists']),
          anyJson(dice, depth + 1),
        ]),
      )
  }
}

/** A value that fits the schema as far as a schema can say it. */
export function valueFor(given: Schema, components: Components, dice: Dice, depth = 0): Json {
  const schema = resolved(given, components)
  if (schema['example'] !== undefined && dice.chance(0.5)) return structuredClone(schema['example']) as Json
  if (Array.isArray(schema['enum'])) return dice.pick(schema['enum'] as Json[])
  if (schema['const'] !== undefined) return schema['const'] as Json
  const branches = (schema['anyOf'] ?? schema['oneOf']) as Schema[] | undefined
  if (branches !== undefined) return valueFor(dice.pick(branches), components, dice, depth)
  const parts = schema['allOf'] as Schema[] | undefined
  if (parts !== undefined) {
    return Object.assign(
      {},
      ...parts.map((part) => valueFor(part, components, dice, depth)),
      objectFor(schema, components, dice, depth),
    ) as Json
  }
  const type = Array.isArray(schema['type']) ? dice.pick(schema['type'] as string[]) : schema['type']
  switch (type) {
    case 'string':
      return stringFor(schema, dice)
    case 'integer':
      return Math.floor(numberFor(schema, dice))
    case 'number':
      return numberFor(schema, dice)
    case 'boolean':
      return dice.chance(0.5)
    case 'null':
      return null
    case 'array': {
      const least = (schema['minItems'] as number | undefined) ?? 0
      const items = (schema['items'] ?? {}) as Schema
      return Array.from({ length: least + dice.below(3) }, () => valueFor(items, components, dice, depth + 1))
    }
    case 'object':
      return objectFor(schema, components, dice, depth)
    default:
      return anyJson(dice, depth)
  }
}

function objectFor(schema: Schema, components: Components, dice: Dice, depth: number): { [name: string]: Json } {
  const required = new Set((schema['required'] as string[] | undefined) ?? [])
  const made: { [name: string]: Json } = {}
  for (const [name, inner] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    if (required.has(name) || (depth < MAX_DEPTH && dice.chance(0.4)))
      made[name] = valueFor(inner, components, dice, depth + 1)
  }
  if (schema['additionalProperties'] !== undefined && schema['additionalProperties'] !== false) {
    for (let i = dice.below(3); i > 0; i--) made[dice.pick(WORDS)] = anyJson(dice, depth + 1)
  }
  return made
}

function stringFor(schema: Schema, dice: Dice): string {
  if (schema['format'] === 'date-time') return new Date(1_800_000_000_000 + dice.below(1e9) * 1_000).toISOString()
  const least = (schema['minLength'] as number | undefined) ?? 0
  return (dice.chance(0.7) ? dice.pick(WORDS) : dice.letters(1 + dice.below(20))).padEnd(least, 'x')
}

function numberFor(schema: Schema, dice: Dice): number {
  const least = (schema['minimum'] as number | undefined) ?? 0
  const most = (schema['maximum'] as number | undefined) ?? 1_000
  return dice.chance(0.2) ? dice.pick([least, most]) : least + dice.below(Math.max(1, Math.min(most - least, 50)))
}
