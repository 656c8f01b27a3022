import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk } from '../../../src/chunking/chunk.ts'
import { codeOutline, codeParts, fencedBlocks, pathIn } from '../../../src/chunking/code-blocks.ts'
import { languageNamed, languageOf, type CodeLanguage } from '../../../src/chunking/code-language.ts'

const named = (name: string): CodeLanguage => {
  const language = languageNamed(name)
  if (language === undefined) throw new Error(`no language ${name}`)
  return language
}
const blocksOf = (name: string, text: string): string[] =>
  codeOutline(text, named(name)).blocks.map(({ start, end }) => text.slice(start, end))
const signatures = (name: string, text: string): string[] => {
  const { definitions } = codeOutline(text, named(name))
  return definitions.map(({ start, end }) =>
    pathIn(definitions, start, end)
      .map(({ signature }) => signature)
      .join(' > '),
  )
}
const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0

describe('the blocks of code', () => {
  /** Whole definitions of each language, each with something that might deceive a reader of brackets. */
  const SAMPLES: Record<string, readonly string[]> = {
    ts: [
      "import a from 'a'\nimport b from 'b'",
      '/** Says } hello. */\nexport function hello(name: string): string {\n  // }\n  return `} ${name ? `{${name}` : "}"} {`\n}',
      '@Component({ selector: "}" })\nexport class Ferry {\n  #seats = 214\n\n  board(people: number): void {\n    this.#seats -= people\n  }\n}',
      'const pattern = /["\'`{]+\\/[}/]/g\nconst half = a / b / c',
      'export const add = (a: number, b: number) => {\n  return a + b\n}',
      'interface Port { name: string }',
    ],
    java: [
      'package ferry;\nimport java.util.List;',
      '/**\n * { A ferry.\n */\n@Entity\npublic class Ferry {\n    private char open = \'{\';\n    private String text = "}\\"}";\n\n    public int seats(int deck) {\n        return deck * 2;\n    }\n}',
      'enum Deck { UPPER, LOWER }',
    ],
    c: [
      '#include <stdio.h>\n#define OPEN "{"',
      '/* { */\nstatic int\nadd(int a, int b)\n{\n  return a + b;\n}',
      "int main(void) {\n  char c = '}';\n  int n = 1'000;\n  return 0;\n}",
    ],
    rust: [
      'use std::fmt;',
      "#[derive(Debug)]\npub struct Ferry<'a> {\n    name: &'a str,\n}",
      "impl<'a> Ferry<'a> {\n    fn open(&self) -> char {\n        let text = r#\"}\"{\"#;\n        '{'\n    }\n}",
    ],
    go: [
      'package ferry',
      '// Seats counts {.\nfunc (f *Ferry) Seats() int {\n\ttext := `}\n}`\n\treturn len(text)\n}',
      'type Ferry struct {\n\tName string\n}',
    ],
    py: [
      'import os\nimport sys',
      '# A comment above.\n@cached\ndef seats(deck):\n    """Not\ndef a_function():\n    """\n    if deck:\n        return 2\n    return 1',
      'class Ferry:\n    name = "Osprey"\n\n    def board(self, people):\n        self.people = [\n1,\n        ]\n\n    def leave(self): pass',
      'if __name__ == "__main__":\n    main()\nelse:\n    pass',
    ],
    rb: [
      "require 'json'",
      '# A ferry.\nclass Ferry\n  def seats\n    <<~TEXT\n      end\n    TEXT\n  end\nend',
      'def board(people)\n  people.each do |person|\n    puts person\n  end\nrescue\n  nil\nend',
    ],
    sql: [
      '-- Ports; all of them.\nCREATE TABLE ports (\n  name TEXT -- ;\n);',
      "INSERT INTO ports VALUES ('a;b''c');",
      'CREATE FUNCTION seats() RETURNS int AS $$\nBEGIN\n  RETURN 1;\nEND;\n$$ LANGUAGE plpgsql;',
      'CREATE TRIGGER t BEFORE INSERT ON ports\nBEGIN\n  SELECT 1;\n  SELECT 2;\nEND;',
    ],
    sh: [
      '#!/bin/sh\nset -eu',
      '# Says } hello.\nhello() {\n  cat <<EOF\n}\nhello() {\nEOF\n  echo "a\n}"\n}',
      'for i in 1 2; do\n  hello\ndone',
    ],
    yaml: ['name: ferry', '# Decks.\ndecks:\n  - upper\n\n  - lower', 'seats: {upper: 100}'],
    php: ['<?php\nuse Ferry;', '/** } */\nfunction hello($name) {\n  # }\n  return "}\n{$name}";\n}'],
    cs: [
      'using System;',
      '[Serializable]\npublic class Ferry\n{\n    string path = @"C:\\";\n\n    public int Seats() { return 1; }\n}',
    ],
    swift: [
      'import Foundation',
      'func hello() -> String {\n  return """\n}\n"""\n}',
      'struct Ferry { let name: String }',
    ],
    kt: [
      'package ferry',
      'data class Ferry(val name: String)',
      'fun hello() = "}"',
      "object Port {\n  val open = '{'\n}",
    ],
  }

  it.each(Object.keys(SAMPLES))('are the definitions with what stands above them: %s', (name) => {
    const parts = SAMPLES[name] ?? []
    fc.assert(
      fc.property(fc.shuffledSubarray([...parts], { minLength: 1 }), (chosen) => {
        expect(blocksOf(name, `\n${chosen.join('\n\n')}\n`)).toEqual(chosen)
      }),
      { seed: 20_261_122, numRuns: 60 },
    )
  })

  it('need no blank line between definitions', () => {
    const parts = ['function a() {\n  return {\n  }\n}', '// b\nfunction b() {}', 'class C {\n}', 'run()\nrun()']
    expect(blocksOf('js', parts.join('\n'))).toEqual(parts)
    const python = ['def a():\n  return 1', '@b\ndef b():\n\n  return 2', 'class C: pass']
    expect(blocksOf('py', python.join('\n'))).toEqual(python)
  })

  it('find definitions at the margin again, whatever was counted wrongly before', () => {
    const text = 'const open = "{\n{{{\n\nfunction a() {\n}\n\nfunction b() {\n}'
    expect(blocksOf('js', text)).toEqual(['const open = "{\n{{{', 'function a() {\n}', 'function b() {\n}'])
  })

  it('know under which definitions a place stands', () => {
    expect(signatures('ts', (SAMPLES['ts'] ?? []).join('\n\n'))).toEqual([
      'export function hello(name: string): string',
      'export class Ferry',
      'export class Ferry > board(people: number): void',
      'export const add = (a: number, b: number) =>',
      'interface Port { name: string }',
    ])
    expect(signatures('py', (SAMPLES['py'] ?? []).join('\n\n'))).toEqual([
      'def seats(deck)',
      'class Ferry',
      'class Ferry > def board(self, people)',
      'class Ferry > def leave(self): pass',
    ])
    expect(signatures('java', (SAMPLES['java'] ?? []).join('\n\n'))).toEqual([
      'public class Ferry',
      'public class Ferry > public int seats(int deck)',
      'enum Deck { UPPER, LOWER }',
    ])
    expect(signatures('sql', (SAMPLES['sql'] ?? []).slice(0, 2).join('\n'))).toEqual([
      'CREATE TABLE ports (',
      "INSERT INTO ports VALUES ('a;b''c')",
    ])
  })

  const SIGNS = [
    '{',
    '}',
    '(',
    ')',
    '"',
    "'",
    '`',
    '/',
    '*',
    '#',
    '\\',
    '$',
    '<<EOF\n',
    'EOF',
    '\n',
    '\n\n',
    '  ',
    ';',
    '--',
    '${',
  ]
  const WORDS = [
    'def a():',
    'function b() {',
    'class C',
    'end',
    'begin',
    '=begin',
    '=end',
    'r#"',
    'R"(',
    '@x',
    'CREATE FUNCTION',
    ':',
    'a',
    '😀',
  ]
  const rubbish = fc.array(fc.constantFrom(...SIGNS, ...WORDS), { maxLength: 80 }).map((parts) => parts.join(''))
  const languages = ['ts', 'c', 'java', 'cs', 'go', 'rust', 'php', 'py', 'rb', 'lua', 'sh', 'yaml', 'sql']

  it('are trimmed, in order, disjoint, and cover all but white space, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(rubbish, fc.string({ unit: 'grapheme' })), fc.constantFrom(...languages), (text, name) => {
        const { blocks, definitions } = codeOutline(text, named(name))
        let at = 0
        for (const { start, end } of blocks) {
          expect(text.slice(at, start).trim()).toBe('')
          expect(start).toBeGreaterThanOrEqual(at)
          expect(text.slice(start, end)).toBe(text.slice(start, end).trim())
          expect(end).toBeGreaterThan(start)
          at = end
        }
        expect(text.slice(at).trim()).toBe('')
        for (const { start, end, parent } of definitions) {
          expect(end).toBeGreaterThan(start)
          if (parent !== undefined) {
            expect(parent.start).toBeLessThanOrEqual(start)
            expect(parent.end).toBeGreaterThanOrEqual(end)
          }
        }
        let last = 0
        const parts = codeParts(text, { start: 0, end: text.length })
        for (const { start, end } of parts) {
          expect(text.slice(last, start).trim()).toBe('')
          last = end
        }
        expect(text.slice(last).trim()).toBe('')
      }),
      { seed: 20_261_122, numRuns: 3_000 },
    )
  })

  it.each([
    ['quotes that never close', 'ts', '`"\''],
    ['patterns that never close', 'ts', '=/['],
    ['templates in templates', 'ts', '`${'],
    ['dollar quotes, each of its own', 'sql', (i: number) => `$a${i}$ `],
    ['raw strings, each of its own', 'c', (i: number) => `R"a${i}(`],
    ['heredocs, each of its own', 'sh', (i: number) => `<<A${i}\n`],
    ['open brackets', 'java', '{'],
    ['lines that go in and in', 'py', (i: number) => `${' '.repeat(Math.min(i, 2_000))}def a():\n`],
    ['nested definitions', 'java', 'class A {\n'],
  ])('are found in one pass over a megabyte of %s', (_what, name, piece) => {
    let text = ''
    for (let i = 0; text.length < 1_000_000; i++) text += typeof piece === 'string' ? piece.repeat(64) : piece(i)
    const { blocks } = codeOutline(text, named(name))
    // Work that grows with the square of the length would take minutes, and the test would not end in time.
    expect(blocks.length).toBeGreaterThan(0)
  })
})

describe('the language of code', () => {
  it('is that of the ending, the first that is known, in any case and of parts of a file', () => {
    expect(languageOf(['src/Main.RS'], '')).toBe(named('rust'))
    expect(languageOf(['notes', 'a/b.py/part-2'], '')).toBe(named('py'))
    expect(languageOf([undefined, 'x.unknown'], 'plain words')).toBeUndefined()
  })

  it('is guessed where no name says it', () => {
    expect(languageOf([], 'def a():\n    return 1')).toBe(named('py'))
    expect(languageOf([], '#!/usr/bin/env bash\nls')).toBe(named('sh'))
    expect(languageOf([], 'SELECT 1;\nSELECT 2;')).toBe(named('sql'))
    expect(languageOf([], 'export const a = 1;\nfunction b() {}')).toBe(named('js'))
    expect(languageOf([], 'A letter to the harbour master.\nYours')).toBeUndefined()
  })
})

describe('chunks of code', () => {
  const source = [
    'import a from "a"',
    '/** Adds. */\nexport function add(a, b) {\n  return a + b\n}',
    'export class Ferry {\n  board(people) {\n    const one = people + 1\n    const two = people + 2\n\n    const three = people + 3\n    const four = people + 4\n  }\n\n  leave() {\n    return 1\n  }\n}',
  ].join('\n\n')
  const cut = (size: number) =>
    chunk(
      { text: source, format: 'code', title: 'src/ferry.ts', id: 'src/ferry.ts' },
      { strategy: 'recursive', size, overlap: 0 },
      { countTokens, maxTokens: 256 },
    ).map(({ start, end, headings, prefix }) => ({ text: source.slice(start, end), headings, prefix }))

  it('hold whole definitions, and the signatures that others stand under', () => {
    expect(cut(30)).toEqual([
      {
        text: 'import a from "a"\n\n/** Adds. */\nexport function add(a, b) {\n  return a + b\n}',
        headings: ['export function add(a, b)'],
        prefix: 'src/ferry.ts',
      },
      { text: 'export class Ferry {', headings: ['export class Ferry'], prefix: 'src/ferry.ts' },
      {
        text: 'board(people) {\n    const one = people + 1\n    const two = people + 2\n\n    const three = people + 3\n    const four = people + 4\n  }',
        headings: ['export class Ferry', 'board(people)'],
        prefix: 'src/ferry.ts > export class Ferry',
      },
      {
        text: 'leave() {\n    return 1\n  }\n}',
        headings: ['export class Ferry', 'leave()'],
        prefix: 'src/ferry.ts > export class Ferry',
      },
    ])
    expect(cut(22)[3]).toMatchObject({
      headings: ['export class Ferry', 'board(people)'],
      prefix: 'src/ferry.ts > export class Ferry > board(people)',
    })
  })

  it('never part a definition that fits', () => {
    const definition = fc
      .tuple(fc.integer({ min: 0, max: 12 }), fc.boolean(), fc.nat(99))
      .map(([lines, isSpaced, n]) => {
        const body = Array.from({ length: lines }, (_, i) => `  step${i}("}")\n${isSpaced && i % 3 === 2 ? '\n' : ''}`)
        return `function f${n}(a) {\n${body.join('')}}`
      })
    fc.assert(
      fc.property(
        fc.array(definition, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 12, max: 60 }),
        (parts, size) => {
          const text = parts.join('\n\n')
          const options = { countTokens, maxTokens: 256 }
          const chunks = chunk(
            { text, format: 'code', id: 'a.js' },
            { strategy: 'recursive', size, overlap: 0 },
            options,
          )
          let at = 0
          for (const part of parts) {
            const start = text.indexOf(part, at)
            at = start + part.length
            const holds = chunks.some((piece) => piece.start <= start && piece.end >= at)
            if (countTokens(part) <= size && part.length <= 16 * size) expect(holds).toBe(true)
          }
        },
      ),
      { seed: 20_261_122, numRuns: 300 },
    )
  })

  it('cut fenced code in Markdown between its definitions', () => {
    const first = 'def a():\n    one = 1\n    two = 2'
    const second = '@cached\ndef b():\n    three = 3\n    return 3'
    const text = `Words.\n\n\`\`\`python\n${first}\n${second}\n\`\`\``
    const chunks = chunk(
      { text, format: 'markdown' },
      { strategy: 'recursive', size: 20, overlap: 0 },
      { countTokens, maxTokens: 256 },
    )
    expect(chunks.map(({ start, end }) => text.slice(start, end))).toEqual([
      `Words.\n\n\`\`\`python\n${first}`,
      `${second}\n\`\`\``,
    ])
  })

  it('are cut like prose where the fence names no known language', () => {
    const text = '```text\nfunction a() {\n}\nfunction b() {\n}\n```'
    expect(fencedBlocks(text, { start: 0, end: text.length })).toBeUndefined()
  })
})
