/** Which model the languages of texts mean. */
import { describe, expect, it } from 'vitest'
import { modelOfTexts, type TextToRead } from '../../../src/models/model-by-language.ts'
import { defaultModel } from '../../../src/models/product-models.ts'

const ENGLISH = 'The ferry leaves the harbour at nine, and the last one comes back when it is dark over the water.'
const ARABIC = 'تغادر العبارة الميناء في الساعة التاسعة صباحا، وتعود الأخيرة عندما يحل الظلام على الماء.'
const JAPANESE = 'フェリーは九時に港を出て、最後の便は暗くなってから戻ってきます。'
const GERMAN =
  'Die Fähre verlässt den Hafen um neun Uhr, und die letzte kommt zurück, wenn es dunkel über dem Wasser ist.'
const RUSSIAN = 'Паром отходит из гавани в девять часов, а последний возвращается, когда над водой уже темно.'
const NUMBERS = '4711 0815 42 3.14159 2,718 99 %'
const TIBETAN = 'བོད་ཀྱི་སྐད་ཡིག་ནི་བོད་མི་རིགས་ཀྱི་སྐད་ཡིག་ཡིན།'

const chosen = (...texts: (string | TextToRead)[]): string =>
  modelOfTexts(texts.map((text) => (typeof text === 'string' ? { text } : text))).uid

describe('the model that the first texts choose', () => {
  it('is the English one for English', () => {
    expect(chosen(ENGLISH)).toBe('edge-en')
  })

  it.each([
    ['Arabic', ARABIC],
    ['Japanese', JAPANESE],
    ['German', GERMAN],
    ['Russian', RUSSIAN],
  ])('is the multilingual one for %s', (_, text) => {
    expect(chosen(text)).toBe('edge-multilingual')
  })

  it('is the English one where nothing can be told, or neither model knows the language', () => {
    expect([chosen(), chosen(''), chosen(NUMBERS), chosen(TIBETAN)]).toEqual(Array(4).fill('edge-en'))
  })

  it('is what the larger part of those wants that say anything', () => {
    expect(chosen(ENGLISH, ENGLISH, ARABIC)).toBe('edge-en')
    expect(chosen(ENGLISH, ARABIC, JAPANESE)).toBe('edge-multilingual')
    expect(chosen(NUMBERS, NUMBERS, NUMBERS, ARABIC)).toBe('edge-multilingual')
    expect(chosen(NUMBERS, NUMBERS, ENGLISH)).toBe('edge-en')
  })

  it('is the multilingual one for halves, since it knows English as well', () => {
    expect(chosen(ENGLISH, ARABIC)).toBe('edge-multilingual')
    expect(chosen(ARABIC, ENGLISH)).toBe('edge-multilingual')
  })

  it('believes what is declared more than what is read', () => {
    expect(chosen({ text: ENGLISH, language: 'ar-EG' })).toBe('edge-multilingual')
    expect(chosen({ text: ARABIC, language: 'en-GB' })).toBe('edge-en')
    expect(chosen({ text: ARABIC, language: 'tlh' })).toBe('edge-en')
    expect(chosen({ text: ARABIC, language: 'auto' })).toBe('edge-multilingual')
  })

  it('looks at the middle and the end of a long text, too', () => {
    const cover = ENGLISH.repeat(12)
    expect(chosen(cover + ARABIC.repeat(60))).toBe('edge-multilingual')
    expect(chosen(ENGLISH.repeat(60) + ARABIC.repeat(12))).toBe('edge-en')
  })

  it('looks at texts of all of a large write, not of its beginning', () => {
    const texts = [...Array(60).fill(ENGLISH), ...Array(140).fill(ARABIC)] as string[]
    expect(chosen(...texts)).toBe('edge-multilingual')
    expect(chosen(...texts.toReversed())).toBe('edge-multilingual')
  })

  it('survives texts cut in the middle of a pair', () => {
    expect(chosen('😀'.repeat(2_000))).toBe('edge-en')
  })
})

describe('the model of a declared language', () => {
  it.each([
    ['en', 'edge-en'],
    ['en-GB', 'edge-en'],
    ['ar', 'edge-multilingual'],
    ['de-AT', 'edge-multilingual'],
    ['zh-Hant', 'edge-multilingual'],
    ['tlh', 'edge-en'],
  ])('%s is %s', (language, model) => {
    expect(defaultModel(language).uid).toBe(model)
  })
})
