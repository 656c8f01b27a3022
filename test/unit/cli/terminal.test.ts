import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FileProgress, shortened, size, wrapped } from '../../../src/cli/terminal.ts'

/** What a stream was told, with a clock that only the test moves. */
function watched(isTTY: boolean, columns = 120) {
  const written: string[] = []
  const state = { now: 0 }
  const stream = { isTTY, columns, write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream
  return { written, state, progress: new FileProgress(true, stream, () => state.now) }
}

const FILES = [{ bytes: 1_000_000 }, { bytes: 3_000_000 }]

describe('the progress of files', () => {
  it('is a bar by bytes with rate and time left, drawn over itself', () => {
    const { written, state, progress } = watched(true)
    progress.begin(FILES)
    state.now = 10_000
    progress.show(1, 1_000_000)
    progress.clear()
    expect(written[1]?.startsWith('\r\u001B[K')).toBe(true)
    expect(stripVTControlCharacters(written[1] ?? '').trim()).toBe(
      '███████░░░░░░░░░░░░░░░░░░░░░  25 %  1 of 2 files · 1.0 MB of 4.0 MB · 0.1 files/s · 30 s left',
    )
    expect(written.at(-1)).toBe('\r\u001B[K')
  })

  it('is drawn at most ten times a second, and always at the end', () => {
    const { written, state, progress } = watched(true)
    progress.begin(FILES)
    for (state.now = 1; state.now < 100; state.now++) progress.show(1, 1_000_000)
    expect(written).toHaveLength(1)
    progress.show(2, 4_000_000)
    expect(written).toHaveLength(2)
  })

  it('leaves out what a narrow terminal has no room for, so that no line wraps', () => {
    for (const columns of [40, 60, 80, 100]) {
      const { written, progress } = watched(true, columns)
      progress.begin(FILES)
      const text = stripVTControlCharacters(written[0] ?? '').trim()
      expect(text).toContain('0 of 2 files')
      if (columns > 60) expect(text.length, text).toBeLessThan(columns)
    }
  })

  it('is a plain line every five seconds where there is no terminal', () => {
    const { written, state, progress } = watched(false)
    progress.begin(FILES)
    for (state.now = 0; state.now <= 11_000; state.now += 500) progress.show(1, 2_000_000)
    progress.clear()
    expect(written).toEqual([
      '1 of 2 files · 2.0 MB of 4.0 MB · 0.2 files/s · 5 s left\n',
      '1 of 2 files · 2.0 MB of 4.0 MB · 0.1 files/s · 10 s left\n',
    ])
  })
})

it('sizes are told in units of thousands', () => {
  expect([size(999), size(1_000), size(12_345_678)]).toEqual(['999 bytes', '1.0 kB', '12.3 MB'])
})

it('long texts keep both ends, and break between words', () => {
  expect([shortened('abc', 3), shortened('abcdefghij', 6)]).toEqual(['abc', 'abc…ij'])
  expect(wrapped('remove the password, or ask', 12)).toEqual(['remove the', 'password, or', 'ask'])
  expect(wrapped('unbreakable', 3)).toEqual(['unbreakable'])
})
