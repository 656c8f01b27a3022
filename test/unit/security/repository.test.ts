/** No file that git keeps holds a key that could be one: the right shape and the right checksum. */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, statSync } from 'node:fs'
import { expect, it } from 'vitest'
import { KEY_SCANNER, newKey, parseKey } from '../../../src/tenancy/key-format.ts'

const SCANNER = new RegExp(KEY_SCANNER, 'g')

const keysIn = (text: string): string[] =>
  [...text.matchAll(SCANNER)].map(([key]) => key).filter((key) => parseKey(key) !== undefined)

/** Keys that are public on purpose, by their 16 characters of id, with the reason. */
const KNOWN: Readonly<Record<string, string>> = {}

/** What git keeps; in a copy without its folder, what would be kept. */
function trackedFiles(): string[] {
  try {
    return execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
      '\0',
    )
  } catch {
    return globSync(['*.*', '{assets,bench,docs,migrations,scripts,src,test}/**'])
  }
}

it('no tracked file holds a key with a valid checksum', () => {
  const files = trackedFiles().filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
  expect(files.length).toBeGreaterThan(300)
  const found = files.flatMap((file) =>
    keysIn(readFileSync(file, 'latin1')).map((key) => `${file}: ${key.slice(6, 22)}`),
  )
  expect(found.filter((line) => !(line.slice(-16) in KNOWN))).toEqual([])
  expect(Object.keys(KNOWN).filter((id) => !found.some((line) => line.endsWith(id)))).toEqual([])
})

it('the search finds a key of every kind in the midst of other text', () => {
  for (const kind of ['secret', 'public', 'root'] as const) {
    const { text } = newKey(kind)
    expect(keysIn(`NEARFIELD_KEY="${text}"\ncurl -H 'Authorization: Bearer ${text}'`)).toEqual([text, text])
    const wrong = text.slice(0, -1) + (text.endsWith('0') ? '1' : '0')
    expect(keysIn(wrong)).toEqual([])
  }
})
