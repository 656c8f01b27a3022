/** Places in files, as people say them. */
import { describe, expect, it } from 'vitest'
import { headingsBelow, placeInWords } from '../../../src/client/place.ts'

describe('the place of a passage', () => {
  it('says what is known of it, and nothing else', () => {
    expect(placeInWords({})).toBe('')
    expect(placeInWords({ page: 3 })).toBe('page 3')
    expect(placeInWords({ row: 12 })).toBe('row 12')
    expect(placeInWords({ sheet: 'Fleet', row: 12 })).toBe('sheet Fleet, row 12')
  })

  it('says times as players do', () => {
    expect(placeInWords({ startTime: 5, endTime: 168 })).toBe('0:05–2:48')
    expect(placeInWords({ startTime: 65.9 })).toBe('1:05')
    expect(placeInWords({ startTime: 65, endTime: 65.5 })).toBe('1:05')
    expect(placeInWords({ startTime: 7_207, endTime: 7_260 })).toBe('2:00:07–2:01:00')
  })

  it('stands beside headings that say nothing twice', () => {
    expect(headingsBelow('Stock', { headings: ['Stock', 'Fleet', 'Boats'], sheet: 'Fleet' })).toEqual(['Boats'])
    expect(headingsBelow(undefined, { headings: ['Boats'] })).toEqual(['Boats'])
    expect(headingsBelow('Stock', {})).toEqual([])
  })
})
