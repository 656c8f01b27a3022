import { describe, expect, it } from 'vitest'
import { parsePrefer } from '../../../src/http/prefer.ts'

describe('parsePrefer', () => {
  it('reads respond-async and wait, in any order and case', () => {
    expect(parsePrefer(null)).toEqual({ respondAsync: false })
    expect(parsePrefer('respond-async')).toEqual({ respondAsync: true })
    expect(parsePrefer('Wait=5, Respond-Async; x=1')).toEqual({ respondAsync: true, waitSeconds: 5 })
    expect(parsePrefer('wait="7"')).toEqual({ respondAsync: false, waitSeconds: 7 })
  })

  it('lets the first mention count and passes over what it does not know', () => {
    expect(parsePrefer('wait=0, wait=9, return=minimal, , =, wait=-1')).toEqual({ respondAsync: false, waitSeconds: 0 })
    expect(parsePrefer('wait=soon')).toEqual({ respondAsync: false })
  })
})
