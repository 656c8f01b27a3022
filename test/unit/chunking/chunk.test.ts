import { describe, expect, it } from 'vitest'
import { chunk, DEFAULT_CHUNKING, type ChunkDocument, type ChunkingSettings } from '../../../src/chunking/chunk.ts'
import { indexedText } from '../../../src/chunking/indexed-text.ts'

/** One token a word or sign. */
const countTokens = (text: string): number => text.match(/[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu)?.length ?? 0

function cut(document: ChunkDocument, settings: Partial<ChunkingSettings> = {}) {
  const chunks = chunk(document, { ...DEFAULT_CHUNKING, ...settings }, { countTokens, maxTokens: 256 })
  return chunks.map(({ start, end, headings, prefix }) => ({ text: document.text.slice(start, end), headings, prefix }))
}

const texts = (document: ChunkDocument, settings?: Partial<ChunkingSettings>): string[] =>
  cut(document, settings).map((piece) => piece.text)

describe('chunks of Markdown', () => {
  it('begin at headings, which belong to their text, and know their path', () => {
    const text = '# Ferry\nThe Osprey 😀 carries 214.\n\n## Fares\nA bicycle costs three euro.\n\n# Bus\nNone.'
    expect(cut({ text, format: 'markdown', title: 'Travel' })).toEqual([
      { text: '# Ferry\nThe Osprey 😀 carries 214.', headings: ['Ferry'], prefix: 'Travel' },
      { text: '## Fares\nA bicycle costs three euro.', headings: ['Ferry', 'Fares'], prefix: 'Travel > Ferry' },
      { text: '# Bus\nNone.', headings: ['Bus'], prefix: 'Travel' },
    ])
  })

  it('carry headings without text on to the next text', () => {
    const text = '# One\n\n## Two\n\nText.\n\n## Three'
    expect(texts({ text, format: 'markdown' })).toEqual(['# One\n\n## Two\n\nText.', '## Three'])
  })

  it('carry the whole path in later chunks of a section', () => {
    const text = '# One\n\n## Two\n\nAlpha beta gamma.\n\nDelta epsilon zeta.'
    expect(cut({ text, format: 'markdown', title: 'Doc' }, { size: 10, overlap: 0 })).toEqual([
      { text: '# One\n\n## Two\n\nAlpha beta gamma.', headings: ['One', 'Two'], prefix: 'Doc' },
      { text: 'Delta epsilon zeta.', headings: ['One', 'Two'], prefix: 'Doc > One > Two' },
    ])
  })

  it('do not say the title twice', () => {
    const text = '# The Osprey\n\nA ferry.\n\n## Fares\n\nThree euro.'
    expect(cut({ text, format: 'markdown', title: 'The Osprey!' }).map((piece) => piece.prefix)).toEqual([
      '',
      'The Osprey!',
    ])
  })

  it('keep tables, lists and code whole where they fit', () => {
    const intro = 'Five words stand in here.'
    const table = '| a | b |\n|---|---|\n| 1 | 2 |'
    const code = '```js\n# no heading\n\nx = 1\n```'
    const list = '- one\n\n  more\n- two'
    const text = [intro, table, intro, code, intro, list].join('\n\n')
    expect(texts({ text, format: 'markdown' }, { size: 22, overlap: 0 })).toEqual([
      intro,
      table,
      `${intro}\n\n${code}`,
      `${intro}\n\n${list}`,
    ])
  })

  it('cut what does not fit at rows and items', () => {
    const rows = Array.from({ length: 6 }, (_, i) => `| row ${i} | value ${i} |`)
    expect(texts({ text: rows.join('\n'), format: 'markdown' }, { size: 14, overlap: 0 })).toEqual([
      rows.slice(0, 2).join('\n'),
      rows.slice(2, 4).join('\n'),
      rows.slice(4).join('\n'),
    ])
    const items = Array.from({ length: 4 }, (_, i) => `- item ${i} has text\n  in two lines`)
    expect(texts({ text: items.join('\n'), format: 'markdown' }, { size: 9, overlap: 0 })).toEqual(items)
  })

  it('do not leave a heading alone', () => {
    const text = '# A heading\n\nOne two three four. Five six seven eight.'
    expect(texts({ text, format: 'markdown' }, { size: 10, overlap: 0 })).toEqual([
      '# A heading\n\nOne two three four.',
      'Five six seven eight.',
    ])
  })
})

describe('chunks of plain text', () => {
  it('pack paragraphs and cut long ones at sentences', () => {
    const text = 'One two.\n\nThree four.\n\nFive six seven eight nine. Ten eleven twelve thirteen.'
    expect(texts({ text, format: 'text' }, { size: 7, overlap: 0 })).toEqual([
      'One two.\n\nThree four.',
      'Five six seven eight nine.',
      'Ten eleven twelve thirteen.',
    ])
  })

  it('repeat whole sentences as overlap where they fit', () => {
    const text = 'One two three. Four five. Six seven eight. Nine ten.'
    expect(texts({ text, format: 'text' }, { size: 8, overlap: 3 })).toEqual([
      'One two three. Four five.',
      'Four five. Six seven eight.',
      'Nine ten.',
    ])
  })

  it('know no Markdown', () => {
    expect(cut({ text: '# 1 is a number\n\nText', format: 'text' })[0]?.headings).toEqual([])
  })

  it('are none for white space', () => {
    expect(cut({ text: ' \n\t', format: 'text' })).toEqual([])
  })
})

describe('chunks of extracted HTML', () => {
  it('follow the outline', () => {
    const text = 'Fares\n\nThree euro.\n\nDogs\n\nUpper deck.'
    const outline = [
      { start: 0, end: 5, kind: 'heading', level: 1 },
      { start: 7, end: 18, kind: 'paragraph' },
      { start: 20, end: 24, kind: 'heading', level: 2 },
      { start: 26, end: 37, kind: 'paragraph' },
    ] as const
    expect(cut({ text, format: 'html', outline, title: 'Ferry' })).toEqual([
      { text: 'Fares\n\nThree euro.', headings: ['Fares'], prefix: 'Ferry' },
      { text: 'Dogs\n\nUpper deck.', headings: ['Fares', 'Dogs'], prefix: 'Ferry > Fares' },
    ])
  })
})

describe('the prefix', () => {
  const path = '# Outer heading\n\n## Middle heading\n\n### Inner heading\n\nFirst.\n\nSecond.'
  const prefixOf = (title: string): string | undefined =>
    cut({ text: path, format: 'markdown', title }, { size: 12, overlap: 0 }).at(-1)?.prefix

  it('loses outer headings first, then the end of the title', () => {
    expect(prefixOf('Title')).toBe('Title > Outer heading > Middle heading > Inner heading')
    const title = Array.from({ length: 34 }, (_, i) => `word${i}`).join(' ')
    expect(prefixOf(title)).toBe(`${title} > Middle heading > Inner heading`)
    const long = Array.from({ length: 50 }, (_, i) => `word${i}`)
    expect(prefixOf(long.join(' '))).toBe(`${long.slice(0, 37).join(' ')} > Inner heading`)
  })

  it('gives way to the text', () => {
    const text = 'word '.repeat(200).trim()
    const [only] = chunk(
      { text, format: 'text', title: 'one two three four five six seven eight nine ten' },
      { strategy: 'recursive', size: 200, overlap: 0 },
      { countTokens, maxTokens: 207 },
    )
    expect(only?.prefix).toBe('one two three four five')
    expect(only?.truncated).toBe(false)
  })

  it('stands on a line of its own in what is indexed', () => {
    expect(indexedText('Title > Heading', 'Text')).toBe('Title > Heading\nText')
    expect(indexedText('', 'Text')).toBe('Text')
  })
})

describe('one chunk for the whole text', () => {
  it('says where the model will cut it', () => {
    const document = { text: ' word '.repeat(300), format: 'text', title: 'Title' } as const
    const settings = { strategy: 'none', size: 200, overlap: 20 } as const
    expect(chunk(document, settings, { countTokens, maxTokens: 256 })).toEqual([
      { start: 1, end: 1799, headings: [], prefix: 'Title', tokens: 300, truncated: true },
    ])
    expect(chunk(document, settings, { countTokens, maxTokens: 512 })[0]?.truncated).toBe(false)
  })
})
