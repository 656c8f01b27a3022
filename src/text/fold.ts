/**
 * Folding: which spellings count as the same letter. `foldCase` is what a word is carried as (its marks help a stemmer);
 * `foldMarks` is what it is compared as, after stemming.
 */

/** Soft hyphen, joiners and byte order mark: they change how a word looks or breaks, not what it is. */
export function isInvisible(codePoint: number): boolean {
  return (
    codePoint === 0xad || codePoint === 0x200c || codePoint === 0x200d || codePoint === 0x2060 || codePoint === 0xfeff
  )
}

/**
 * Folds compatibility forms (full width, ligatures) and case. Marks stay: "é" is one letter afterwards, however it was
 * written. What `isInvisible` goes.
 */
export function foldCase(word: string): string {
  return word
    .replace(/\u00ad|\u200c|\u200d|\u2060|\ufeff/g, '')
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFC')
}

/** Letters that Unicode does not decompose, as they are typed without the right keyboard. */
const PLAIN_LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  ẞ: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ħ: 'h',
  ı: 'i',
  ł: 'l',
  ŋ: 'n',
  ŧ: 't',
  ς: 'σ',
  ə: 'e',
}
const PLAIN_LETTER = /[ßẞæœøđðþħıłŋŧςə]/g

/**
 * Drops the marks that writers leave out: every mark of Latin and Greek letters; of Cyrillic only stress and the dots of ё
 * (й and ї are letters of their own); the vowel points of Arabic and Hebrew and the Arabic tatweel. Signs of Indic
 * scripts, which are vowels, stay. Expects the output of `foldCase`.
 */
export function foldMarks(word: string): string {
  if (isAscii(word)) return word
  return word
    .normalize('NFD')
    .replace(/([\p{Script=Latin}\p{Script=Greek}])\p{M}+/gu, '$1')
    .replace(/(е)\u0308/g, '$1')
    .replace(/(\p{Script=Cyrillic})[\u0300\u0301]+/gu, '$1')
    .replace(/\u0640|[\u{591}-\u{5bd}]|\u05bf|\u05c1|\u05c2|\u05c7|[\u{64b}-\u{652}]|\u0670/gu, '')
    .normalize('NFC')
    .replace(PLAIN_LETTER, (letter) => PLAIN_LETTERS[letter] ?? letter)
}

function isAscii(word: string): boolean {
  for (let i = 0; i < word.length; i++) if (word.charCodeAt(i) > 127) return false
  return true
}
