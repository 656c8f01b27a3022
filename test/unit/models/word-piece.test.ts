/** The tokenizer against Hugging Face `tokenizers`: ids made by scripts/make-edge-en-fixtures.py. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { readModelFile } from '../../../src/models/edge/model-file.ts'
import { Vocabulary } from '../../../src/models/edge/vocabulary.ts'
import { WordPiece } from '../../../src/models/edge/word-piece.ts'
import { readEdgeModelFile } from '../../support/edge-model.ts'

const FIXTURES = new URL('../../fixtures/edge-en/', import.meta.url).pathname
const BLOCK = 4_096
const NO_LIMIT = Number.MAX_SAFE_INTEGER

let words: string[]
let vocabulary: Vocabulary
let tokenizer: WordPiece

beforeAll(async () => {
  const file = new TextDecoder().decode(readModelFile(await readEdgeModelFile()).section('vocab'))
  words = file.split('\n')
  vocabulary = new Vocabulary(file)
  tokenizer = new WordPiece(vocabulary)
})

describe('WordPiece', () => {
  it('gives the reference’s ids for thousands of texts in forty languages, code, signs and noise', () => {
    const lines = gunzipSync(readFileSync(`${FIXTURES}tokenizer.jsonl.gz`))
      .toString('utf8')
      .trim()
      .split('\n')
    const cases = lines.map((line) => JSON.parse(line) as [string, number[]])
    expect(cases.length).toBeGreaterThanOrEqual(5_000)
    const wrong = cases.filter(([text, ids]) => tokenizer.encode(text, NO_LIMIT).join() !== ids.join())
    expect(wrong).toEqual([])
    const miscounted = cases.filter(([text, ids]) => tokenizer.count(text) !== ids.length - 2)
    expect(miscounted).toEqual([])
  })

  it('treats every code point of Unicode as the reference does', () => {
    const digests = JSON.parse(readFileSync(`${FIXTURES}code-points.json`, 'utf8')) as string[]
    expect(digests).toHaveLength(0x110000 / BLOCK)
    const actual = digests.map((_, block) => {
      const texts: string[] = []
      for (let c = block * BLOCK; c < (block + 1) * BLOCK; c++) {
        if (c >= 0xd800 && c < 0xe000) continue
        const character = String.fromCodePoint(c)
        texts.push(`a${character}b ${character}`)
      }
      const ids = tokenizer.encode(texts.join(' '), NO_LIMIT)
      return createHash('sha256').update(ids.join()).digest('hex').slice(0, 16)
    })
    expect(actual).toEqual(digests)
  })

  it('does not let a text inject special tokens', () => {
    const special = new Set([0, 100, 101, 102, 103])
    const ids = [...tokenizer.encode('[CLS] a [SEP] b [MASK] [PAD] [UNK]', NO_LIMIT)]
    expect(ids.slice(1, -1).filter((id) => special.has(id))).toEqual([])
    expect(ids.at(0)).toBe(101)
    expect(ids.at(-1)).toBe(102)
  })

  it('cuts to the limit, [SEP] included, like the reference', () => {
    const text = 'internationalisation of lighthouses '.repeat(100)
    const whole = tokenizer.encode(text, NO_LIMIT)
    for (const limit of [2, 3, 4, 5, 255, 256]) {
      const cut = tokenizer.encode(text, limit)
      expect([...cut]).toEqual([...whole.slice(0, limit - 1), 102])
    }
  })

  it('splits no piece across the limit differently from the whole text', () => {
    const text = 'antidisestablishmentarianism'
    const whole = tokenizer.encode(text, NO_LIMIT)
    expect([...tokenizer.encode(text, 4)]).toEqual([...whole.slice(0, 3), 102])
  })

  it('encodes nothing as [CLS][SEP]', () => {
    expect([...tokenizer.encode('', 256)]).toEqual([101, 102])
    expect([...tokenizer.encode(' \n\u200b', 256)]).toEqual([101, 102])
    expect(tokenizer.count('')).toBe(0)
  })

  it('takes lone surrogates for nothing', () => {
    expect([...tokenizer.encode('a\ud800b', NO_LIMIT)]).toEqual([...tokenizer.encode('ab', NO_LIMIT)])
  })
})

describe('Vocabulary', () => {
  it('finds every word by itself, and continuations only as continuations', () => {
    const missed = words.filter((word, id) => {
      if (!word.startsWith('##') || word.length === 2) return vocabulary.find(word) !== id
      const match = vocabulary.longest(word, 2, word.length, false)
      return match >>> 8 !== id || (match & 0xff) !== word.length - 2
    })
    expect(missed).toEqual([])
    expect(vocabulary.size).toBe(30_522)
  })

  it('finds the longest word and nothing that it lacks', () => {
    const match = vocabulary.longest('lighthouses', 0, 11, true)
    expect(words[match >>> 8]).toBe('lighthouse')
    expect(vocabulary.find('lighthousesque')).toBeUndefined()
    expect(vocabulary.longest('\u{10ffff}', 0, 2, true)).toBe(0)
  })

  it('counts its bytes, under a megabyte', () => {
    expect(vocabulary.bytes).toBeGreaterThan(600_000)
    expect(tokenizer.bytes).toBeLessThan(1_000_000)
  })
})
