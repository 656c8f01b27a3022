/** What the front page says in numbers is what was measured, and what it points to exists. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FILE_FAULTS } from '../../src/parsing/file-fault.ts'

interface Scores {
  readonly ndcgAt10: number
  readonly recallAt100: number
}

interface Results {
  readonly collections: readonly { readonly scores: Readonly<Record<'keyword' | 'vector' | 'hybrid', Scores>> }[]
}

const readme = readFileSync('README.md', 'utf8')
const { collections }: Results = JSON.parse(readFileSync('bench/results/quality.json', 'utf8'))
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const shown = (value: number): string => value.toFixed(3).replace(/^0/, '')

describe('README.md', () => {
  it('shows the committed measurements', () => {
    const rows = collections.map(({ scores: { keyword, vector, hybrid } }) => [
      keyword.ndcgAt10,
      vector.ndcgAt10,
      hybrid.ndcgAt10,
      hybrid.recallAt100,
    ])
    const means = [0, 1, 2, 3].map((column) => mean(rows.map((row) => row[column] ?? 0)))
    for (const row of [...rows, means]) expect(readme).toContain(`| ${row.map(shown).join(' | ')} |`)
  })

  it('says truly that hybrid is above both legs on the mean', () => {
    const of = (leg: 'keyword' | 'vector' | 'hybrid'): number =>
      mean(collections.map(({ scores }) => scores[leg].ndcgAt10))
    expect(of('hybrid')).toBeGreaterThan(Math.max(of('keyword'), of('vector')))
    expect(of('hybrid')).toBeGreaterThanOrEqual(0.45)
  })
})

describe('docs/models.md', () => {
  it('shows of every measured model what its file of results holds', () => {
    const page = readFileSync('docs/models.md', 'utf8')
    const rows = [...page.matchAll(/^\| (.+) \| (.+) \| (.+) \| `(quality.*\.json)` \|$/gm)]
    const measured = globSync('quality*.json', { cwd: 'bench/results' }).filter((file) => file !== 'quality-none.json')
    expect(new Set(rows.map(([, , , , file]) => file))).toEqual(new Set(measured))
    for (const [, model, cranfield, dbpedia, file] of rows) {
      const { collections: of }: Results = JSON.parse(readFileSync(`bench/results/${file}`, 'utf8'))
      const cells = of.map(({ scores: { keyword, vector, hybrid } }) =>
        model === 'words alone' ? shown(keyword.ndcgAt10) : `${shown(vector.ndcgAt10)} / ${shown(hybrid.ndcgAt10)}`,
      )
      expect([cranfield, dbpedia], model).toEqual(cells)
    }
  })
})

describe('the documentation', () => {
  it('says of every code that a file can fail with what is the matter, and of no other', () => {
    const page = readFileSync('docs/files.md', 'utf8')
    const section = /^## When a file fails$.*?(?=^## )/ms.exec(page)?.[0] ?? ''
    const [header, ...rows] = [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$/gm)]
    expect(header?.[1]).toBe('code')
    expect(rows.map(([, code, detail]) => [code, detail])).toEqual(Object.entries(FILE_FAULTS))
  })

  it.each(globSync(['*.md', 'docs/**/*.md', 'assets/**/*.md']))('links only to what exists: %s', (page) => {
    const links = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      (match) => match[1] ?? '',
    )
    for (const link of links.filter((target) => !/^[a-z]+:/.test(target))) {
      expect(existsSync(join(dirname(page), link)), link).toBe(true)
    }
  })
})
