/** The page of threats: each stands once, says what keeps it away, and names proofs that are there. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const THREATS = 40

const page = readFileSync('docs/security.md', 'utf8')
const rows = page
  .split('\n')
  .filter((line) => /^\| T\d+ /.test(line))
  .map((line) => {
    const [, name = '', control = '', proof = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    return { name, control, proof }
  })

describe('the page of threats', () => {
  it('has one row for each, in order', () => {
    const numbers = rows.map(({ name }) => Number(/^T(\d+) /.exec(name)?.[1]))
    expect(numbers).toEqual(Array.from({ length: THREATS }, (_, i) => i + 1))
  })

  it.each(rows)('$name: has a control, and a proof or the reason why there is none', ({ control, proof }) => {
    expect(control).not.toBe('')
    expect(proof).toMatch(/`test\/|the matrix|the soak|Not tested: |\bsoak\b/)
  })

  it('names only tests that are there', () => {
    const named = new Set(page.match(/\b(?:test|bench)\/[\w./-]+\.ts\b/g))
    expect(named.size).toBeGreaterThan(50)
    expect([...named].filter((file) => !existsSync(file))).toEqual([])
  })
})
