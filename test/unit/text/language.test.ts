import { describe, expect, it } from 'vitest'
import { detectLanguage, detectQueryLanguage, isLanguageTag, primarySubtag } from '../../../src/text/language.ts'

describe('detectLanguage', () => {
  it.each([
    ['The tram to the castle leaves every nine minutes.', 'en'],
    ['The minutes were read.', 'en'],
    ['Der Zug fährt um neun Uhr ab.', 'de'],
    ['La maison rouge est grande.', 'fr'],
    ['¿Dónde está la farmacia más cercana?', 'es'],
    ['Onde fica a farmácia mais próxima?', 'pt'],
    ['Dove si trova la farmacia più vicina?', 'it'],
    ['Waar is de dichtstbijzijnde apotheek?', 'nl'],
    ['Var ligger närmaste apotek och när öppnar det?', 'sv'],
    ['Missä on lähin apteekki ja milloin se aukeaa?', 'fi'],
    ['Gdzie jest najbliższa apteka?', 'pl'],
    ['Kde je nejbližší lékárna a kdy otevírá?', 'cs'],
    ['Hol van a legközelebbi gyógyszertár?', 'hu'],
    ['En yakın eczane nerede?', 'tr'],
    ['Di mana apotek terdekat dan kapan buka?', 'id'],
    ['Красный дом стоит у реки.', 'ru'],
    ['Де знаходиться найближча аптека і коли вона відкривається?', 'uk'],
    ['東京は日本の首都です。', 'ja'],
    ['北京是中国的首都。', 'zh'],
    ['서울은 한국의 수도이다.', 'ko'],
    ['القاهرة هي عاصمة مصر', 'ar'],
    ['تهران پایتخت ایران است و در شمال این کشور است', 'fa'],
    ['Η Αθήνα', 'el'],
    ['תל אביב', 'he'],
    ['กรุงเทพ', 'th'],
    ['दिल्ली भारत की राजधानी है', 'hi'],
  ])('reads %s', (text, language) => {
    expect(detectLanguage(text)).toBe(language)
  })

  it.each([
    '',
    '42',
    '😀',
    'Osprey',
    'Mount Karvel',
    'const x = await fetch(url)',
    'A',
    'Red running shoes',
    '1911 – 1974',
  ])('does not guess: %j', (text) => {
    expect(detectLanguage(text)).toBe('und')
  })

  it('is not led astray by foreign names in English prose', () => {
    const text =
      'Emanuel Goldberg (Hebrew: עמנואל גולדברג) was born in Moscow and moved first to Germany and later to Israel.'
    expect(detectLanguage(text)).toBe('en')
  })
})

describe('detectQueryLanguage', () => {
  it('judges fewer than four words by script only', () => {
    expect(detectQueryLanguage('das boot')).toBe('und')
    expect(detectQueryLanguage('la dolce vita')).toBe('und')
    expect(detectQueryLanguage('Москва')).toBe('ru')
    expect(detectQueryLanguage('القاهرة')).toBe('ar')
    expect(detectQueryLanguage('東京')).toBe('zh')
    expect(detectQueryLanguage('ラーメン')).toBe('ja')
    expect(detectQueryLanguage('Αθήνα')).toBe('el')
  })

  it('reads longer questions', () => {
    expect(detectQueryLanguage('how many passengers does the ferry carry')).toBe('en')
    expect(detectQueryLanguage('Wie viele Passagiere hat die Fähre?')).toBe('de')
    expect(detectQueryLanguage('coastal carolina football season 2014')).toBe('und')
  })
})

describe('language tags', () => {
  it('are well-formed or not', () => {
    expect(['en', 'de-AT', 'zh-Hant-TW', 'sr-Latn'].map(isLanguageTag)).toEqual([true, true, true, true])
    expect(['', 'x', 'en_US', 'english language', 'e1', 'en-'].map(isLanguageTag)).not.toContain(true)
  })

  it('are short', () => {
    expect(isLanguageTag(`en-x${'-abcdefgh'.repeat(6)}`)).toBe(true)
    expect(isLanguageTag(`en-x${'-abcdefgh'.repeat(200_000)}`)).toBe(false)
  })

  it('have a primary subtag', () => {
    expect(['de-AT', 'EN', 'zh-Hant-TW'].map(primarySubtag)).toEqual(['de', 'en', 'zh'])
  })
})
