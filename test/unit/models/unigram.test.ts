/** The tokenizer against Hugging Face `tokenizers`: ids made by scripts/make-edge-multilingual-fixtures.py. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { EDGE_MULTILINGUAL_TOKENIZER } from '../../../src/models/edge/edge-multilingual-asset.ts'
import { DoubleArray } from '../../../src/models/edge/double-array.ts'
import { type ModelFile, readModelFile } from '../../../src/models/edge/model-file.ts'
import { Unigram } from '../../../src/models/edge/unigram.ts'
import { readAsset } from '../../support/edge-model.ts'

const FIXTURES = new URL('../../fixtures/edge-multilingual/', import.meta.url).pathname
const BLOCK = 4_096
const NO_LIMIT = Number.MAX_SAFE_INTEGER
const UNKNOWN = 3

let file: ModelFile
let tokenizer: Unigram

beforeAll(async () => {
  file = readModelFile(await readAsset(EDGE_MULTILINGUAL_TOKENIZER))
  tokenizer = new Unigram(file)
})

const content = (text: string): number[] => [...tokenizer.encode(text, NO_LIMIT)].slice(1, -1)

describe('Unigram', () => {
  it('gives the reference’s ids for thousands of texts in seventy languages, decomposed ones and noise', () => {
    const lines = gunzipSync(readFileSync(`${FIXTURES}tokenizer.jsonl.gz`))
      .toString('utf8')
      .trim()
      .split('\n')
    const cases = lines.map((line) => JSON.parse(line) as [string, number[]])
    expect(cases.length).toBeGreaterThanOrEqual(5_000)
    expect(cases.filter(([text, ids]) => content(text).join() !== ids.join())).toEqual([])
    expect(cases.filter(([text, ids]) => tokenizer.count(text) !== ids.length)).toEqual([])
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
      return createHash('sha256')
        .update(content(texts.join(' ')).join())
        .digest('hex')
        .slice(0, 16)
    })
    expect(actual).toEqual(digests)
  })

  it('does not let a text inject special tokens', () => {
    const ids = content('<s> a </s> b <pad> <mask> <unk>')
    expect(ids.filter((id) => id < UNKNOWN || id > 250_000)).toEqual([])
    expect([...tokenizer.encode('a', 8)]).toEqual([0, expect.any(Number), 2])
  })

  it('cuts after as many tokens as the model reads', () => {
    const text = 'the harbour master measured the wooden boats. '.repeat(200)
    const whole = [...tokenizer.encode(text, NO_LIMIT)]
    const cut = [...tokenizer.encode(text, 512)]
    expect(whole.length).toBeGreaterThan(1_000)
    expect(cut).toEqual([...whole.slice(0, 511), 2])
  })

  it('has no token for nothing, and one for neighbouring characters that no piece has', () => {
    expect(tokenizer.count('')).toBe(0)
    expect(tokenizer.count('\u0001')).toBe(0)
    expect(content('\u{f0000}\u{f0001}\u{f0002}')).toEqual([expect.any(Number), UNKNOWN])
  })

  it('reads lone surrogates and NUL without a match outside the trie', () => {
    expect(content('a\0b\ud800c').length).toBeGreaterThan(2)
  })

  it('takes a run without spaces in memory that does not grow with it, and in linear time', () => {
    const syllables = '図書館は午後八時まで開いています'
    const run = syllables.repeat(20_000)
    const tokens = tokenizer.count(run)
    expect(tokens / 20_000).toBeCloseTo(tokenizer.count(syllables.repeat(200)) / 200, 1)
    expect(tokenizer.bytes).toBeLessThan(6_000_000)
  })
})

describe('the trie', () => {
  it('has the keys that it was built from, and nothing else', () => {
    const trie = new DoubleArray(file.section('trie'))
    const find = (text: string): number => {
      let node = trie.root
      for (const byte of new TextEncoder().encode(text)) {
        node = trie.step(node, byte)
        if (node < 0) return -1
      }
      return trie.valueAt(node)
    }
    expect([',', '.', '▁', 's', '▁de'].map(find)).toEqual([4, 5, 6, 7, 8])
    expect(['<s>', '</s>', '<unk>', '<pad>', '<mask>', 'qzqzq', ''].map(find)).toEqual(Array(7).fill(-1))
  })

  it('is refused when it is cut', () => {
    expect(() => new DoubleArray(file.section('trie').slice(0, 1_000))).toThrow('blocks of 256')
  })
})
