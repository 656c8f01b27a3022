/** Style and structure as an ordinary test: rooms import downwards only, files stay small, nothing lies about unused. */
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formFaults, importedPath, importFaults, importsOf, ROOMS } from './support/source-rules.ts'

/** Faults that are accepted, each with its reason. An entry that is no longer needed fails the test. */
const EXCEPTIONS: readonly { readonly fault: string; readonly reason: string }[] = [
  {
    fault: 'src/shard/node-sql-database.ts: shard may not use node:sqlite',
    reason: 'the adapter that runs the shard in plain Node, for tests and tools; the Worker does not import it',
  },
]

/** Files that a command, the runtime or a bundler opens, so that no import names them. */
const ENTRIES = new Set(['src/worker.ts', 'src/egress/worker.ts', 'src/cli/main.ts', 'src/console/main.ts'])

const read = (file: string): string => readFileSync(file, 'utf8')
const sources = globSync('src/**/*.ts')
  .filter((file) => !file.includes('/assembly/'))
  .sort()
const others = globSync(['test/**/*.ts', 'bench/**/*.ts', 'scripts/**/*.ts', '*.config.ts']).sort()
const assembly = globSync('src/kernels/assembly/**/*.ts').sort()

function unimported(): string[] {
  const imported = new Set(
    [...sources, ...others].flatMap((file) =>
      importsOf(file, read(file))
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => importedPath(file, specifier)),
    ),
  )
  return sources
    .filter((file) => !imported.has(file) && !ENTRIES.has(file) && !file.endsWith('.d.ts'))
    .map((file) => `${file}: nothing imports it`)
}

describe('architecture', () => {
  it('finds the files it judges', () => {
    expect(sources.length).toBeGreaterThan(10)
    expect(others.length).toBeGreaterThan(3)
  })

  it('keeps every rule, but for the named exceptions, and every exception is needed', () => {
    const faults = [
      ...sources.flatMap((file) => importFaults(file, read(file))),
      ...[...sources, ...others, ...assembly].flatMap((file) => formFaults(file, read(file))),
      ...unimported(),
    ]
    expect(faults.sort()).toEqual(EXCEPTIONS.map(({ fault }) => fault).sort())
  })

  it('lets each room import only rooms that stand before it', () => {
    const order = Object.keys(ROOMS)
    for (const [name, { rooms }] of Object.entries(ROOMS)) {
      for (const lower of rooms) expect(order.indexOf(lower), `${name} → ${lower}`).toBeLessThan(order.indexOf(name))
      if (rooms.length > 0) expect(rooms.every((lower) => order.includes(lower))).toBe(true)
    }
  })

  it('describes every room in ARCHITECTURE.md', () => {
    const text = read('ARCHITECTURE.md')
    for (const room of Object.keys(ROOMS)) expect(text, room).toContain(`\`${room}/\``)
  })

  it.each([
    ['src/core/ids.ts', `import { x } from '../shard/shard-api.ts'`, 'core may not import shard'],
    ['src/core/ids.ts', `export { x } from '../vector/vector-index.ts'`, 'core may not import vector'],
    ['src/vector/exact.ts', `import type { Context } from 'hono'`, 'vector may not use hono'],
    ['src/search/search.ts', `import { t } from '../shard/sql/tables.ts'`, 'sql/tables.ts is private to shard'],
    ['src/answer/answer.ts', `const m = await import('../http/app.ts')`, 'answer may not import http'],
    ['src/search/search.ts', `import { p } from '../ingest/put-documents.ts'`, 'search may not import ingest'],
    ['src/ingest/jobs.ts', `import { readFileSync } from 'node:fs'`, 'ingest may not use node:fs'],
    [
      'src/models/models.ts',
      `import { DurableObject } from 'cloudflare:workers'`,
      'models may not use cloudflare:workers',
    ],
    ['src/cli/main.ts', `import { Problem } from '../core/problem.ts'`, 'cli may not import core'],
    ['src/core/ids.ts', `import { x } from '../../scripts/start.ts'`, 'scripts/start.ts lies outside src'],
    ['src/utils/x.ts', `export {}`, '"utils" is not a room'],
  ])('refuses %s with %s', (file, source, message) => {
    expect(importFaults(file, source)).toEqual([`${file}: ${message}`])
  })

  it.each([
    ['src/core/x.ts', `/** x */\n${'const a = 1\n'.repeat(400)}`, '401 lines, more than 400'],
    ['src/core/x.ts', `export const a = 1\n`, 'does not open by saying what it is'],
    ['src/core/x.ts', `/** x */\n// ${['FIX', 'ME'].join('')} later\n`, 'has an unfinished mark'],
    ['test/unit/x.test.ts', `it.${['on', 'ly'].join('')}('works', () => {})\n`, 'skips or singles out a test'],
    ['src/text/helpers/x.ts', `/** x */\n`, 'a folder is named "helpers"; name it for what it holds'],
  ])('refuses the form of %s', (file, source, message) => {
    expect(formFaults(file, source)).toEqual([`${file}: ${message}`])
  })
})
