import { lexer } from 'marked'
import { describe, expect, it } from 'vitest'
import { headingText, markdownBlocks } from '../../../src/chunking/markdown-blocks.ts'

const kinds = (text: string): string[] =>
  markdownBlocks(text).map(({ kind, level, start, end }) => `${kind}${level ?? ''}: ${text.slice(start, end)}`)

/** A full Markdown parser as the oracle for what is a heading, a table, a list, code. */
function oracle(text: string): string[] {
  return lexer(text).flatMap((token) => {
    if (token.type === 'space' || token.type === 'hr') return []
    const kind = token.type === 'blockquote' || token.type === 'html' || token.type === 'def' ? 'paragraph' : token.type
    const level = token.type === 'heading' ? String((token as { depth: number }).depth) : ''
    return [`${kind}${level}: ${token.raw.trim()}`]
  })
}

describe('markdownBlocks', () => {
  it.each([
    '# One\n\nText\nmore text\n\n## Two ##\nText directly below\n\nSetext one\n===\n\nSetext two\n---\n\nEnd',
    'Intro:\n\n- one\n- two\n\n  paragraph of two\n  - nested\n\n    deep\n- three\n\nAfter',
    '1. first\n2. second\n   ```sh\n   # not a heading\n   ```\n3. third\n\n# Heading',
    '| a | b |\n|---|:-:|\n| 1 | 2 |\n| 3 | 4 |\n\nText | with a bar\n\na | b\n- | -\n1 | 2',
    '```js\n# no\n\n- no\n```\n\n~~~\n```\n~~~\n\n    indented\n\n    more\n\nText',
    '> quote\n> # still quote\n\nText',
    '#not a heading\n\n####### nor this\n\nText\n# A heading ends a paragraph\n- a list after it',
    '* * *\n\n+ plus\n+ list\n\nText `- no list`\n',
    '<div>\n# inside html\n</div>\n\nText\n\n<!-- # comment\n\n# still -->\n\n# Heading\n\n<pre>\n\n# code\n</pre>\n\nEnd',
    'Para\n1. interrupts\n\nPara\n2. does not\n\nPara\n- does',
    '```\nunclosed\n# no heading',
    'Text\n    not code\n\n-\n- empty item before',
  ])('agrees with a full parser on %j', (text) => {
    const ours = markdownBlocks(text)
      .filter(({ start, end }) => !/^(?:\* \* \*|---)$/.test(text.slice(start, end)))
      .map(({ kind, level, start, end }) => `${kind}${level ?? ''}: ${text.slice(start, end).trim()}`)
    expect(ours).toEqual(oracle(text))
  })

  it('takes metadata at the beginning as a block of its own', () => {
    expect(kinds('---\ntitle: A\ntags: [b]\n---\n\n# H')).toEqual([
      'code: ---\ntitle: A\ntags: [b]\n---',
      'heading1: # H',
    ])
    expect(kinds('---\nNot metadata\n---')[0]).not.toMatch(/^code/)
  })
})

describe('headingText', () => {
  it.each([
    ['## Fares', 'Fares'],
    ['# `npm` **start** now #', 'npm start now'],
    ['Setext\nin two lines\n===', 'Setext in two lines'],
    ['### [Link](https://x.example/a) and ![image](b.png)', 'Link and image'],
    ['## C# and snake_case_names', 'C# and snake_case_names'],
    ['## _Emphasis_ here {#anchor}', 'Emphasis here'],
    ['## 1\\. Escaped', '1. Escaped'],
    ['#', ''],
  ])('reads %j', (raw, text) => {
    expect(headingText(raw)).toBe(text)
  })
})
