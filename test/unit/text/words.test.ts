import { describe, expect, it } from 'vitest'
import { queryWords, words } from '../../../src/text/words.ts'

const texts = (text: string): string[] => words(text).map((word) => word.text)

describe('words', () => {
  it('are runs of letters, digits and marks, parted by everything else', () => {
    expect(texts("The ferry's 2 B-decks: don't 3.5 e-mail!")).toEqual([
      'the',
      'ferry',
      's',
      '2',
      'b',
      'decks',
      'don',
      't',
      '3',
      '5',
      'e',
      'mail',
    ])
  })

  it('fold case and compatibility forms but keep marks', () => {
    expect(texts('Ｆｕｌｌ ﬁsh CAFÉ cafe\u0301 𝒳² İ')).toEqual(['full', 'fish', 'café', 'café', 'x2', 'i̇'])
  })

  it('point at the text as it was given, surrogate pairs and ligatures included', () => {
    const text = '😀 ﬁsh e\u0301tude 𝒳'
    expect(words(text).map(({ start, end }) => text.slice(start, end))).toEqual(['ﬁsh', 'e\u0301tude', '𝒳'])
  })

  it('let the parts of a fraction share its place', () => {
    expect(words('½')).toEqual([
      { text: '1', start: 0, end: 1 },
      { text: '2', start: 0, end: 1 },
    ])
  })

  it('drop soft hyphens and joiners, and let the Arabic non-joiner part', () => {
    expect(texts('soft\u00adhyphen')).toEqual(['softhyphen'])
    expect(texts('می\u200cخواهم')).toEqual(['می', 'خواهم'])
  })

  it('are pairs of characters in Chinese, Japanese and Korean, single ones where they stand alone', () => {
    expect(words('東京都 A 犬')).toEqual([
      { text: '東京', start: 0, end: 2 },
      { text: '京都', start: 1, end: 3 },
      { text: 'a', start: 4, end: 5 },
      { text: '犬', start: 6, end: 7 },
    ])
    expect(texts('ｶﾞｲﾄﾞ')).toEqual(['ガイ', 'イド'])
    expect(texts('서울은')).toEqual(['서울', '울은'])
    expect(texts('iPhone手机')).toEqual(['iphone', '手机'])
  })

  it('are dictionary words in Thai', () => {
    expect(texts('ฉันรักแมว')).toEqual(['ฉัน', 'รัก', 'แมว'])
  })

  it('are cut short where they are data', () => {
    expect(texts('x'.repeat(5_000))).toEqual(['x'.repeat(100)])
    expect(words(`${'𝒳'.repeat(99)}a${'𝒳'.repeat(99)}`)[0]?.text.isWellFormed()).toBe(true)
  })
})

describe('queryWords', () => {
  it('are distinct, in order, marks aside', () => {
    expect(queryWords('Café cafe heron CAFÉ')).toEqual(['café', 'heron'])
  })

  it('leave function words out of a long question', () => {
    expect(queryWords('Where was the heron seen in the evening?')).toEqual(['heron', 'seen', 'evening'])
    expect(queryWords('Wann fährt die erste Fähre nach Lorne?')).toEqual(['fährt', 'erste', 'fähre', 'lorne'])
  })

  it('keep short queries and queries of nothing else as they are', () => {
    expect(queryWords('the who')).toEqual(['the', 'who'])
    expect(queryWords('to be or not to be')).toEqual(['to', 'be', 'or', 'not'])
  })

  it('follow a declared language', () => {
    expect(queryWords('die another day again', 'en')).toEqual(['die', 'another', 'day', 'again'])
    expect(queryWords('die another day again', 'de-AT')).toEqual(['another', 'day', 'again'])
  })
})
