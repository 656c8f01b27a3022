import * as fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { DELIMITERS, DelimitedReader, guessTable, type Delimiter } from '../../../src/parsing/delimited.ts'

function read(text: string, delimiter: Delimiter, cuts: readonly number[] = []): string[][] {
  const reader = new DelimitedReader(delimiter)
  const rows: string[][] = []
  let start = 0
  for (const end of [...cuts, text.length]) {
    reader.push(text.slice(start, end), rows)
    start = end
  }
  const last = reader.finish()
  return last === undefined ? rows : [...rows, last]
}

const cell = fc.oneof(
  fc.string({ maxLength: 8 }).map((text) => text.replace(/\r/g, '')),
  fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\n', ' ', 'a', 'ü', '書'), maxLength: 6 }),
)

describe('the reader of delimited text', () => {
  it('reads what papaparse writes, wherever the text is cut', () => {
    const table = fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(table, fc.constantFrom(...DELIMITERS), fc.boolean(), (rows, delimiter, quotes) => {
        const text = Papa.unparse(rows, { delimiter, newline: '\n', quotes })
        // An empty last line is the end of the line before.
        const written = text === '' || text.endsWith('\n') ? `${text}\n` : text
        const whole = read(written, delimiter)
        expect(whole).toEqual(rows)
        for (let cut = 0; cut <= written.length; cut++) expect(read(written, delimiter, [cut])).toEqual(whole)
        expect(read(written, delimiter, Array.from(written, (_, at) => at).slice(1))).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  it('reads well-formed text as papaparse reads it', () => {
    const quoted = cell.map((text) => `"${text.replaceAll('"', '""')}"`)
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '1', '.', 'ü'), maxLength: 5 })
    const line = fc.array(fc.oneof(quoted, plain), { minLength: 1, maxLength: 4 }).map((cells) => cells.join(','))
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
        const text = `${lines.join('\n')}\n`
        const oracle = Papa.parse<string[]>(text, { delimiter: ',', newline: '\n', quoteChar: '"' }).data
        // Papaparse takes the end of the last line for a row of its own.
        expect(read(text, ',')).toEqual(oracle.slice(0, -1))
      }),
      { numRuns: 500 },
    )
  })

  it('keeps what follows a closing quote, and quotes inside of plain cells', () => {
    expect(read('"a"b,5" pipe,"x"\n', ',')).toEqual([['ab', '5" pipe', 'x']])
  })

  it('refuses a quote that nobody closes', () => {
    expect(() => read('a,b\n1,"2\n3,4\n', ',')).toThrow('row 2 opens a quote')
  })

  it('holds no more than one row', () => {
    const reader = new DelimitedReader(',')
    expect(() => {
      for (let i = 0; i < 200; i++) reader.push(`${i === 0 ? '"' : ''}${'x'.repeat(10_000)}`, [])
    }).toThrow('row 1 is larger')
  })

  it.each([
    ['commas', 'a,b;c,d\n1,2;3,4\n', ','],
    ['semicolons with decimal commas', 'name;price\nlamp;1,50\nchair;22,00\n', ';'],
    ['tabs', 'a\tb, c\n1\t2\n', '\t'],
    ['bars', 'a|b|c\n1|2|3\n', '|'],
    ['a quoted line feed', 'a,"b\nc",d\n1,2,3\n', ','],
  ])('tells the delimiter of a table with %s', (_name, text, delimiter) => {
    expect(guessTable(text, true)?.delimiter).toBe(delimiter)
  })

  it('finds no delimiter where there is one column', () => {
    expect(guessTable('city\nParis\nRome\n', true)).toBeUndefined()
  })
})
