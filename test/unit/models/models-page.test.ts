/** What the page of models says in numbers is what the catalogue of known models says. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findKnownModel, KNOWN_MODELS } from '../../../src/models/known-models.ts'

const page = readFileSync('docs/models.md', 'utf8')
const rows = page
  .split('\n')
  .filter((line) => /^\| `[\w.-]+` \| [\d,]+/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
const number = (cell = ''): number => Number(cell.replaceAll(',', ''))

test('the table of known models holds true numbers', () => {
  expect(rows.length).toBeGreaterThan(8)
  for (const [, name = '', dimensions = '', longest = '', languages = '', licence = '', price = ''] of rows) {
    const known = findKnownModel(name.replaceAll('`', ''))
    const { profile, maxTokens, workersAiPrice } = known ?? {}
    expect(number(/^[\d,]+/.exec(dimensions)?.[0]), name).toBe(profile?.dimensions)
    const steps = [...(/\((.*)\)/.exec(dimensions)?.[1] ?? '').matchAll(/\d[\d,]*/g)].map(([step]) => number(step))
    for (const step of steps) expect(profile?.matryoshka, name).toContain(step)
    expect(steps.length > 0, name).toBe((profile?.matryoshka.length ?? 0) > 0)
    expect(number(longest), name).toBe(maxTokens)
    const language = { English: ['en'], Japanese: ['ja'], any: [] }[languages]
    expect(profile?.languages, name).toStrictEqual(language)
    expect(known?.licence, name).toContain(licence.replace(/, .*/, ''))
    if (licence.startsWith('proprietary')) expect(known?.price?.input).toBe(number(licence.split('$')[1]))
    else expect(/\d/.test(price) ? number(price) : undefined, name).toBe(workersAiPrice?.input)
  }
})

test('every embedding model and reranker of Workers AI is on the page', () => {
  for (const { id, task, names } of KNOWN_MODELS) {
    if (task !== 'generate' && names.some((name) => name.startsWith('@cf/'))) expect(page).toContain(id)
  }
})
